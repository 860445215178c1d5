"""What a stack costs a month: one item for each of AWS's services, from prices and sizes."""

from __future__ import annotations

import math

from . import product
from .figures import ASSUMED, PRICES
from .needs import needs
from .stack import Stack
from .standing import HOURS, SECONDS, gb_seconds, launches, sweeps, tiered
from .work import PART_MIB, Job, Work

GB = 2**30
"""As AWS bills it: the example in S3's FAQ divides by 1,073,741,824; 50 TB are 51,200 of them."""
POLLERS, POLL_SECONDS = 5, 20
"""Lambda asks an idle queue so many at a time, for so long each; and each request is billed."""


def cold_share(uploads: float) -> float:
    """Of invocations that find no idle environment, when they come at random, evenly all month."""
    return math.exp(-uploads / SECONDS * ASSUMED["warm_seconds"])


def writes(mib: float) -> int:
    """Requests of an upload: one PUT, or one for each part, and two to begin and end it."""
    return math.ceil(mib / PART_MIB) + 2 if mib >= PART_MIB else 1


def s3_requests(stack: Stack, work: Work) -> float:
    """Who owns the bucket pays for them all, the uploads' own among them."""
    read, write = PRICES["s3"]["read"], PRICES["s3"]["write"]

    def each(mib: float) -> float:
        if stack.mode == "recipe":  # `aws s3 cp`, twice: HEAD, a GET for each part; the output
            return float((1 + math.ceil(mib / PART_MIB)) * read + 2 * writes(mib) * write)
        return float((Job.CALLS - 1) * read + (writes(mib) + 1) * write)

    return work.total(value=each)


def events(stack: Stack, uploads: float) -> float:
    """S3 sends one for each object of the bucket: for each upload, and for each result. Its
    notifications to a function cost nothing."""
    trail = stack.event_source == "cloudtrail"
    sent = 2 * (stack.result_topic or not (trail or stack.mode == "lambda"))
    billed = sent + trail * ASSUMED["trail_events_billed"]
    told = stack.result_topic * PRICES["sns"]["publish"]
    return float(uploads * (billed * PRICES["eventbridge"]["opt_in_event"] + told))


class Bill:
    """USD a month, by item; and what a new account, or the stack itself, has too little of."""

    def __init__(self, stack: Stack, work: Work) -> None:
        self._stack, self._work = stack, work
        self._tasks, self._functions = work.total(stack.is_task), work.total(stack.is_function)
        least = float(PRICES["fargate"]["least_seconds"])
        self._task_seconds = work.total(
            stack.is_task, lambda mib: max(stack.task_seconds(work.job, mib), least)
        )
        self.needs = needs(stack, work)
        ours = stack.mode != "recipe"
        self.items: dict[str, float] = {
            "compute": self._compute(),
            "requests": PRICES["lambda"]["request"] * self._functions + s3_requests(stack, work),
            "events": events(stack, work.uploads),
            "trail": self._trail() if stack.event_source == "cloudtrail" else 0.0,
            "network": self._network() if stack.mode != "lambda" else 0.0,
            "logs": self._logs(),
            "watch": ours * self._watch(),
            "builds": ours * (stack.mode != "lambda") * self._builds(),
            "queues": ours * self._queues(),
            "sweep": ours * sweeps(stack, work),
            "storage": self._storage(),
        }
        self.total = sum(self.items.values())
        self.without_storage = self.total - self.items["storage"]  # which is the same for all
        self.never = next((need.never for need in self.needs if need.never), "")
        """Why the stack can't do so much, whatever the account's quotas are; empty if it can."""

    def _compute(self) -> float:
        job, stack = self._work.job, self._stack
        seconds = self._work.total(stack.is_function, job.seconds)
        seconds += self._functions * cold_share(self._functions) * job.start_seconds
        tasks = self._task_seconds * stack.task_second
        return tasks + gb_seconds(stack, seconds * product.FUNCTION_GB)

    def _trail(self) -> float:
        """It records each write below the input prefix: of an upload in parts, each part."""
        records = self._work.total(value=writes)
        stored = tiered(records * ASSUMED["trail_bytes"] / GB, PRICES["s3"]["gb_month"])
        return float(records * PRICES["cloudtrail"]["data_event"] + stored)

    def _network(self) -> float:
        price, gb = PRICES["network"], self._tasks * ASSUMED["network_bytes_task"] / GB
        if self._stack.mode == "recipe":
            gb += self._tasks * ASSUMED["recipe_image_gb"]
        endpoints = HOURS * product.ENDPOINT_ZONES * price["endpoint_hour"]
        each: dict[str, float] = {
            "isolated": endpoints + gb * price["endpoint_gb"],
            "private": HOURS * (price["nat_hour"] + price["ipv4_hour"]) + gb * price["nat_gb"],
            "public": self._task_seconds / 3600 * price["ipv4_hour"],
            "existing": 0.0,
        }
        return each[self._stack.network]

    def _logs(self) -> float:
        """LogRetentionDays is a month."""
        tasks = self._tasks * ASSUMED["log_bytes_task"]
        gb = (tasks + self._functions * ASSUMED["log_bytes_function"]) / GB
        return float(gb * (PRICES["logs"]["gb"] + PRICES["logs"]["gb_month"]))

    def _watch(self) -> float:
        price, stack = PRICES["watch"], self._stack
        alarms = product.alarms(stack.mode, stack.result_topic) * price["alarm_month"]
        return float(product.METRICS * price["metric_month"] + alarms + price["dashboard_month"])

    def _builds(self) -> float:
        minute = PRICES["codebuild"]["minute"][self._stack.architecture]
        images = 10 * ASSUMED["image_gb"] * PRICES["ecr"]["gb_month"]
        return float(ASSUMED["deployments"] * ASSUMED["build_minutes"] * minute + images)

    def _queues(self) -> float:
        """The failure queue's reader asks all the time; with MaxTasks, so does the launcher."""
        idle, price = POLLERS * SECONDS / POLL_SECONDS, PRICES["sqs"]
        if not self._stack.max_tasks:
            return float(idle * price["request"])
        asked = idle * (price["request"] + price["fifo_request"])
        return float(asked + launches(self._stack, self._tasks))

    def _storage(self) -> float:
        """Uploads, and outputs of the same size."""
        stored = 2 * self._work.total(value=lambda mib: mib / 1024)
        return tiered(stored * ASSUMED["months_kept"], PRICES["s3"]["gb_month"])
