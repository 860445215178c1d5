"""What a stack costs a month: one item for each of AWS's services, from prices and sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from . import product
from .figures import ASSUMED, PRICES
from .needs import Need, needs
from .requests import events, s3_requests, writes
from .stack import Stack
from .standing import HOURS, SECONDS, gb_seconds, launches, sweeps, tiered
from .work import Work

GB = 2**30
"""As AWS bills it: the example in S3's FAQ divides by 1,073,741,824; 50 TB are 51,200 of them."""
POLLERS, POLL_SECONDS = 5, 20
"""Lambda asks an idle queue so many at a time, for so long each; and each request is billed."""


@dataclass(frozen=True)
class Bill:
    """USD a month, by item; and what a new account, or the stack itself, has too little of."""

    items: dict[str, float]
    needs: tuple[Need, ...]

    @property
    def never(self) -> str:
        """Why the stack can't do so much, whatever the account's quotas are; empty if it can."""
        return next((need.never for need in self.needs if need.never), "")

    @property
    def total(self) -> float:
        return sum(self.items.values())

    @property
    def without_storage(self) -> float:
        """Storage is the same for all."""
        return self.total - self.items["storage"]


def at(stack: Stack, work: Work, uploads: float) -> Bill:
    """The bill of so many uploads of that kind."""
    return bill(stack, replace(work, uploads=uploads))


def bill(stack: Stack, work: Work) -> Bill:
    month, ours = _Month(stack, work), stack.mode != "recipe"
    items = {
        "compute": month.compute(),
        "requests": PRICES["lambda"]["request"] * month.functions + s3_requests(stack, work),
        "events": events(stack, work.uploads),
        "trail": month.trail(),
        "network": month.network(),
        "logs": month.logs(),
        "watch": month.watch() if ours else 0.0,
        "builds": month.builds() if ours and stack.mode != "lambda" else 0.0,
        "queues": month.queues() if ours else 0.0,
        "sweep": sweeps(stack, work) if ours else 0.0,
        "storage": month.storage(),
    }
    return Bill(items, tuple(need for need in needs(stack, work) if need.needed > need.there_is))


def cold_share(uploads: float) -> float:
    """Of invocations that find no idle environment: uploads come at random, evenly over the month,
    and Lambda keeps an environment so long."""
    return math.exp(-uploads / SECONDS * ASSUMED["warm_seconds"])


class _Month:
    def __init__(self, stack: Stack, work: Work) -> None:
        self.stack, self.work = stack, work
        self.tasks, self.functions = work.total(stack.is_task), work.total(stack.is_function)
        self.task_seconds = work.total(stack.is_task, self._billed)

    def _billed(self, mib: float) -> float:
        recipe, job = self.stack.mode == "recipe", self.work.job
        taken = ASSUMED["recipe_seconds"] if recipe else job.task_seconds(mib)
        return float(max(taken, PRICES["fargate"]["least_seconds"]))

    def compute(self) -> float:
        job, stack = self.work.job, self.stack
        seconds = self.work.total(stack.is_function, job.seconds)
        seconds += self.functions * cold_share(self.functions) * job.start_seconds
        tasks = self.task_seconds * stack.task_second
        return tasks + gb_seconds(stack, seconds * stack.function_gb)

    def trail(self) -> float:
        """It records each write below the input prefix: of an upload in parts, each part."""
        if self.stack.event_source != "cloudtrail":
            return 0.0
        records = self.work.total(value=writes)
        stored = tiered(records * ASSUMED["trail_bytes"] / GB, PRICES["s3"]["gb_month"])
        return float(records * PRICES["cloudtrail"]["data_event"] + stored)

    def network(self) -> float:
        if self.stack.mode == "lambda":
            return 0.0
        price, gb = PRICES["network"], self.tasks * ASSUMED["network_bytes_task"] / GB
        if self.stack.mode == "recipe":
            gb += self.tasks * ASSUMED["recipe_image_gb"]
        endpoints = HOURS * product.ENDPOINT_ZONES * price["endpoint_hour"]
        each: dict[str, float] = {
            "isolated": endpoints + gb * price["endpoint_gb"],
            "private": HOURS * (price["nat_hour"] + price["ipv4_hour"]) + gb * price["nat_gb"],
            "public": self.task_seconds / 3600 * price["ipv4_hour"],
            "existing": 0.0,
        }
        return each[self.stack.network]

    def logs(self) -> float:
        """LogRetentionDays is a month."""
        tasks = self.tasks * ASSUMED["log_bytes_task"]
        gb = (tasks + self.functions * ASSUMED["log_bytes_function"]) / GB
        return float(gb * (PRICES["logs"]["gb"] + PRICES["logs"]["gb_month"]))

    def watch(self) -> float:
        price = PRICES["watch"]
        alarms = product.alarms(self.stack.mode, self.stack.result_topic) * price["alarm_month"]
        return float(product.METRICS * price["metric_month"] + alarms + price["dashboard_month"])

    def builds(self) -> float:
        minute = PRICES["codebuild"]["minute"][self.stack.architecture]
        images = 10 * ASSUMED["image_gb"] * PRICES["ecr"]["gb_month"]
        return float(ASSUMED["deployments"] * ASSUMED["build_minutes"] * minute + images)

    def queues(self) -> float:
        """The failure queue's reader asks all the time; with MaxTasks, so does the launcher."""
        idle = POLLERS * SECONDS / POLL_SECONDS
        cost = idle * PRICES["sqs"]["request"]
        if self.stack.max_tasks:
            cost += idle * PRICES["sqs"]["fifo_request"] + launches(self.stack, self.tasks)
        return float(cost)

    def storage(self) -> float:
        """Uploads, and outputs of the same size."""
        stored = 2 * self.work.total(value=lambda mib: mib / 1024)
        return tiered(stored * ASSUMED["months_kept"], PRICES["s3"]["gb_month"])
