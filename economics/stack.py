"""What the template's parameters say, as far as it has a price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from . import product
from .figures import ASSUMED, PRICES, Wrong
from .work import Job

T = TypeVar("T")


def _parameter(name: str, read: Callable[[str], T]) -> T:
    """A field with the template's default; its parameter is in its metadata."""
    said: T = field(default=read(product.default(name)), metadata={"parameter": name})
    return said


@dataclass(frozen=True)
class Stack:
    """Without a word, with the template's defaults."""

    mode: str = _parameter("Mode", str)
    network: str = _parameter("Network", str)
    architecture: str = _parameter("Architecture", str)
    event_source: str = _parameter("EventSource", str)
    spot: bool = _parameter("Spot", "true".__eq__)
    result_topic: bool = _parameter("ResultTopic", "true".__eq__)
    max_tasks: int = _parameter("MaxTasks", int)
    threshold: int = _parameter("HybridThresholdMiB", int)
    max_bytes: int = _parameter("MaxBytes", int)
    function_timeout: int = _parameter("FunctionTimeout", int)
    task_timeout: int = _parameter("TaskTimeout", int)

    def __post_init__(self) -> None:
        """Raises Wrong for what the template would ignore."""
        if self.event_source == "cloudtrail" and self.mode in ("lambda", "hybrid"):
            raise Wrong("--event-source cloudtrail goes with --mode fargate only")
        if self.mode == "lambda" and (self.spot or self.max_tasks):
            raise Wrong("--spot and --max-tasks are for tasks: --mode fargate or hybrid")

    def is_task(self, mib: float) -> bool:
        """Whether an upload of that size is processed on Fargate."""
        return self.mode != "lambda" and (self.mode != "hybrid" or mib > self.threshold)

    def is_function(self, mib: float) -> bool:
        return not self.is_task(mib)

    def task_seconds(self, job: Job, mib: float) -> float:
        """Of a task from the start of the image's download to its end."""
        return ASSUMED["recipe_seconds"] if self.mode == "recipe" else job.task_seconds(mib)

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
        return float(product.FUNCTION_GB * first["price"])

    @property
    def even_seconds(self) -> float:
        """How long a job has to take until a task costs no more than the function: both are billed
        for that long, the task for a minute at least."""
        return float(PRICES["fargate"]["least_seconds"] * self.task_second / self.function_second)
