"""What the template's parameters say, as far as it has a price."""

from __future__ import annotations

from dataclasses import dataclass

from . import product
from .figures import ASSUMED, PRICES, Wrong, above, at_least
from .product import allowed, default

CHOICES = {
    "mode": (*allowed("Mode"), "recipe"),
    "network": allowed("Network"),
    "architecture": allowed("Architecture"),
    "event_source": allowed("EventSource"),
}


@dataclass(frozen=True)
class Stack:
    """Without a word, with the template's defaults."""

    mode: str = default("Mode")
    network: str = default("Network")
    architecture: str = default("Architecture")
    event_source: str = default("EventSource")
    spot: bool = False
    result_topic: bool = False
    max_tasks: int = int(default("MaxTasks"))
    threshold: float = float(default("HybridThresholdMiB"))
    max_mib: float = int(default("MaxBytes")) / 2**20
    function_timeout: float = float(default("FunctionTimeout"))
    task_timeout: float = float(default("TaskTimeout"))

    function_gb = int(default("FunctionMemory")) / 1024

    def __post_init__(self) -> None:
        """Raises Wrong for what the template would refuse, too."""
        for name, of in CHOICES.items():
            if (value := getattr(self, name)) not in of:
                raise Wrong(f"{name} is {' or '.join(of)}, not {value}")
        at_least("max-tasks", self.max_tasks)
        above("threshold", self.threshold)
        above("max-mib", self.max_mib)
        above("function-timeout", self.function_timeout, 900)
        above("task-timeout", self.task_timeout, 86_400)
        if self.event_source == "cloudtrail" and self.mode in ("lambda", "hybrid"):
            raise Wrong("event-source cloudtrail goes with mode fargate only")
        if self.mode == "lambda" and (self.spot or self.max_tasks):
            raise Wrong("spot and max-tasks are for tasks: mode fargate or hybrid")

    def is_task(self, mib: float) -> bool:
        """Whether an upload of that size is processed on Fargate."""
        return self.mode != "lambda" and (self.mode != "hybrid" or mib > self.threshold)

    def is_function(self, mib: float) -> bool:
        return not self.is_task(mib)

    @property
    def task_second(self) -> float:
        """USD for a second of a task; of Spot, with what runs again on demand, interrupted."""
        price = PRICES["fargate"]
        vcpu = product.TASK_VCPU * price["vcpu_hour"][self.architecture]
        on_demand = (vcpu + product.TASK_GB * price["gb_hour"][self.architecture]) / 3600
        spot = 1 - PRICES["fargate_spot"]["discount"] + ASSUMED["interrupted"]
        return float(on_demand * (spot if self.spot else 1))

    @property
    def function_second(self) -> float:
        """USD for a second of the function, in the first tier."""
        first, *_ = PRICES["lambda"]["gb_second"][self.architecture]
        return float(self.function_gb * first["price"])

    @property
    def even_seconds(self) -> float:
        """How long a job has to take until a task costs no more than the function: both are billed
        for that long, the task for a minute at least."""
        return float(PRICES["fargate"]["least_seconds"] * self.task_second / self.function_second)
