"""What is billed: how much of each thing that AWS has a price for, by item; and what that costs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from merge import LONGEST_IN_PARTS
from processing.pages import AHEAD
from walk import TOGETHER

from . import product
from .figures import ASSUMED, PRICES
from .work import Job, Stack, Work

Amounts = dict[str, float]
"""Of what is billed, by the name of its price in prices.toml, such as `s3.read`."""
GB = 2**30
"""As AWS bills it: the example in S3's FAQ divides by 1,073,741,824; 50 TB are 51,200 of them."""
HOURS = 730
"""Of a month, as AWS counts them."""
SECONDS = HOURS * 3600
LEAST_SECONDS: float = PRICES["fargate"]["least_seconds"]
PART_MIB = 8
"""From this size on, `aws s3 cp`, the console and SDKs upload in parts of it."""
POLLERS, POLL_SECONDS = 5, 20
"""Lambda asks an idle queue so many at a time, for so long each; and each request is billed."""
PROCESSOR_MB = 1769
"""Of a whole processor (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
SWEEP_HEADS, RUNS_IN_PARTS = 3, LONGEST_IN_PARTS.total_seconds() / 3600
"""To be sure of a result it asks for both results and the upload. Once an upload has been found
settled, the listings say enough; but those of one in parts do so only after a week (merge.py)."""


def usd(stack: Stack, billed: Mapping[str, float]) -> float:
    """Prices may depend on the architecture, and each part of an amount has that of its tier."""
    total = 0.0
    for name, amount in billed.items():
        service, what = name.split(".")
        price, below = PRICES[service][what], 0.0
        if isinstance(price, dict):
            price = price[stack.architecture]
        for tier in price if isinstance(price, list) else [{"to": math.inf, "price": price}]:
            total += max(0.0, min(amount, tier["to"]) - below) * tier["price"]
            below = tier["to"]
    return total


def amounts(stack: Stack, work: Work) -> dict[str, Amounts]:
    """Of a month, by item. LogRetentionDays is a month; outputs are as large as their uploads."""
    tasks, functions = work.total(stack.is_task), work.total(stack.is_function)
    task_seconds = work.total(
        stack.is_task, lambda mib: max(stack.task_seconds(work.job, mib), LEAST_SECONDS)
    )
    # Those find no idle environment, when they come at random, evenly all month.
    cold = functions * math.exp(-functions / SECONDS * ASSUMED["warm_seconds"])
    seconds = work.total(stack.is_function, work.job.seconds) + cold * work.job.start_seconds
    # The trail records each write below the input prefix: of an upload in parts, each part.
    records = work.total(value=writes) * (stack.event_source == "cloudtrail")
    trail_gb = records * ASSUMED["trail_bytes"] / GB
    gb = tasks * ASSUMED["network_bytes_task"] / GB
    gb += tasks * ASSUMED["recipe_image_gb"] * (stack.mode == "recipe")
    endpoint_hours = HOURS * product.ENDPOINT_ZONES
    networks: dict[str, Amounts] = {
        "isolated": {"network.endpoint_hour": endpoint_hours, "network.endpoint_gb": gb},
        "private": {"network.nat_hour": HOURS, "network.ipv4_hour": HOURS, "network.nat_gb": gb},
        "public": {"network.ipv4_hour": task_seconds / 3600},
        "existing": {},
    }
    log_gb = (tasks * ASSUMED["log_bytes_task"] + functions * ASSUMED["log_bytes_function"]) / GB
    kept_gb = 2 * work.total(value=lambda mib: mib / 1024) * ASSUMED["months_kept"]
    minutes = ASSUMED["deployments"] * ASSUMED["build_minutes"]
    # The failure queue's reader asks all the time; with MaxTasks, so does the launcher.
    asked, launched = POLLERS * SECONDS / POLL_SECONDS, launches(tasks) if stack.max_tasks else {}
    if stack.max_tasks:
        launched["sqs.fifo_request"] += asked
    items: dict[str, Amounts] = {
        "compute": on_tasks(stack, task_seconds) | on_functions(seconds),
        "requests": {"lambda.request": functions} | s3_requests(stack, work),
        "events": events(stack, work),
        "trail": {"cloudtrail.data_event": records, "s3.gb_month": trail_gb},
        "network": networks[stack.network],
        "logs": {"logs.gb": log_gb, "logs.gb_month": log_gb},
        "watch": {
            "watch.metric_month": product.METRICS,
            "watch.alarm_month": product.alarms(stack.mode, stack.result_topic),
            "watch.dashboard_month": 1,
        },
        "builds": {"codebuild.minute": minutes, "ecr.gb_month": 10 * ASSUMED["image_gb"]},
        "queues": {"sqs.request": asked} | launched,
        "sweep": sweeps(work),
        "storage": {"s3.gb_month": kept_gb},
    }
    lacks = {"recipe": ("watch", "builds", "queues", "sweep"), "lambda": ("network", "builds")}
    return items | {item: {} for item in lacks.get(stack.mode, ())}


def on_tasks(stack: Stack, seconds: float) -> Amounts:
    """Of Spot, with what runs again on demand, interrupted."""
    spot = 1 - PRICES["fargate_spot"]["discount"] + ASSUMED["interrupted"]
    hours = seconds / 3600 * (spot if stack.spot else 1)
    return {
        "fargate.vcpu_hour": hours * product.TASK_VCPU,
        "fargate.gb_hour": hours * product.TASK_GB,
    }


def on_functions(seconds: float) -> Amounts:
    return {"lambda.gb_second": seconds * product.FUNCTION_GB}


def even_seconds(stack: Stack) -> float:
    """How long a job has to take until a task costs no more than the function: both are billed for
    that long, the task for a minute at least."""
    return usd(stack, on_tasks(stack, LEAST_SECONDS)) / usd(stack, on_functions(1))


def writes(mib: float) -> int:
    """Requests of an upload: one PUT, or one for each part, and two to begin and end it."""
    return math.ceil(mib / PART_MIB) + 2 if mib >= PART_MIB else 1


def s3_requests(stack: Stack, work: Work) -> Amounts:
    """Who owns the bucket pays for them all, the uploads' own among them."""
    written = work.total(value=writes)
    if stack.mode == "recipe":  # `aws s3 cp`, twice: HEAD, a GET for each part; the output
        read = work.total(value=lambda mib: 1 + math.ceil(mib / PART_MIB))
        return {"s3.read": read, "s3.write": 2 * written}
    return {"s3.read": work.total(value=Job.reads), "s3.write": written + work.uploads}


def events(stack: Stack, work: Work) -> Amounts:
    """S3 sends one for each object of the bucket: for each upload, and for each result. Its
    notifications to a function cost nothing."""
    trail = stack.event_source == "cloudtrail"
    sent = 2 * (stack.result_topic or not (trail or stack.mode == "lambda"))
    billed = sent + trail * ASSUMED["trail_events_billed"]
    told = work.uploads * stack.result_topic
    return {"eventbridge.opt_in_event": work.uploads * billed, "sns.publish": told}


def queued(tasks: float, batches: float, seconds: float) -> Amounts:
    """Tasks through the launch queue: sent one by one, received and deleted in batches; and the
    launcher's time."""
    return {
        "sqs.fifo_request": tasks + 2 * batches,
        "lambda.request": batches,
        "lambda.gb_second": seconds * product.LAUNCH_GB,
    }


def launches(tasks: float) -> Amounts:
    """So many tasks a month through the launch queue: one function at a time, for what has come
    while the one before was under way."""
    alone = ASSUMED["launch_alone_seconds"]
    batches = tasks / min(product.LAUNCH_BATCH, max(1.0, tasks / SECONDS * alone))
    return queued(tasks, batches, min(batches * alone, SECONDS))


def sweep(work: Work) -> tuple[float, float, float]:
    """LISTs, HEADs and seconds of one look at all that is kept: its processor, its HEADs and its
    pages go on beside one another, and the slowest is what it takes. (5,000,000 uploads with
    100,000 HEADs and calls of 150 ms would take 470 s; the measured run took 477.)"""
    keys = work.uploads * ASSUMED["months_kept"]
    looked_at = work.total(value=lambda mib: RUNS_IN_PARTS if mib >= PART_MIB else 1)
    lists = 3 + 2 * keys / 1000 * ASSUMED["sweep_lists"]
    heads = SWEEP_HEADS * looked_at / HOURS
    call, processor = ASSUMED["s3_call_seconds"], product.SWEEP_GB * 1024 / PROCESSOR_MB
    seconds = 1 + max(
        keys * ASSUMED["sweep_key_seconds"] / processor,
        heads / TOGETHER * call,
        lists / (2 * (1 + AHEAD)) * call,
    )
    return lists, heads, seconds


def sweeps(work: Work) -> Amounts:
    """A run an hour: what it has no time for comes in the next ones."""
    lists, heads, seconds = sweep(work)
    whole = HOURS * min(1.0, product.SWEEP_SECONDS / seconds)
    return {
        "s3.write": whole * lists,
        "s3.read": whole * heads,
        "lambda.request": HOURS,
        "lambda.gb_second": whole * seconds * product.SWEEP_GB,
    }
