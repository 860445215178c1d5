"""AWS's published limits, for an account that has never asked for more, in us-east-1.

Where it can be raised, it is by Service Quotas; `raised` is what one may expect to be given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

_ECS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html"
_ECS_CALLS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html"
_QUOTAS = "https://docs.aws.amazon.com/general/latest/gr/ecs-service.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_SCALING = "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html"
_ASYNC = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"
_EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
_RETRIES = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html"
_PATTERNS = (
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/"
    "eb-create-pattern-operators.html#eb-filtering-numeric-matching"
)
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
_SQS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "troubleshooting-fifo-throttling-issues.html"
)


class Limit(NamedTuple):
    value: float
    unit: str
    source: str
    adjustable: bool


RUN_TASK = Limit(20, "calls of RunTask a second, burst and sustained", _ECS, True)
LAUNCH_BURST = Limit(100, "tasks launched at once", _ECS, True)
LAUNCHES = Limit(20, "tasks launched a second", _ECS, True)
CLUSTER_READ_BURST = Limit(100, "calls of ListTasks and DescribeTasks at once", _ECS_CALLS, True)
CLUSTER_READS = Limit(20, "calls of ListTasks and DescribeTasks a second", _ECS_CALLS, True)
VCPUS = Limit(6, "vCPUs of Fargate on demand (AWS raises it with use)", _QUOTAS, True)
CONCURRENCY = Limit(1000, "functions running", _LAMBDA, True)
GROWTH_BURST = Limit(1000, "new environments of a function at once", _SCALING, False)
GROWTH = Limit(100, "new environments of a function a second", _SCALING, False)
INVOCATIONS = Limit(18_750, "invocations of targets by EventBridge a second", _EVENTBRIDGE, True)
FIFO_SENDS = Limit(300, "messages sent to a FIFO queue a second, one by one", _SQS, False)
S3_WRITES = Limit(3_500, "PUTs a second and prefix", _S3, False)
S3_READS = Limit(5_500, "GETs and HEADs a second and prefix", _S3, False)
LARGEST_NUMBER = Limit(
    5e9, "largest number, and size, that an event pattern compares", _PATTERNS, False
)
EVENT_RETRIES = Limit(185, "retries of a target by EventBridge", _RETRIES, False)
EVENT_AGE = Limit(24 * 3600, "seconds that EventBridge goes on retrying", _RETRIES, False)
ASYNC_AGE = Limit(6 * 3600, "seconds that Lambda keeps what it has no function for", _ASYNC, False)
ASYNC_FIRST_WAIT = Limit(1, "seconds until Lambda tries again", _ASYNC, False)
ASYNC_LONGEST_WAIT = Limit(300, "seconds, its longest wait", _ASYNC, False)

PUBLISHED = {name: each for name, each in globals().items() if isinstance(each, Limit)}
RAISED_VCPUS = 4_000
"""What an account in regular use may well have."""

EVENT_FIRST_WAIT = 1.0
"""Seconds: EventBridge says "exponential back off and jitter" and no figure."""
EVENT_LONGEST_WAIT = (EVENT_AGE.value - 511) / (EVENT_RETRIES.value - 9)
"""With nine doublings from 1 s (511 s together) before it, 185 retries take a day."""


@dataclass(frozen=True)
class Limits:
    """Those that a scenario may change."""

    run_task: float = RUN_TASK.value
    launch_burst: float = LAUNCH_BURST.value
    launches: float = LAUNCHES.value
    cluster_read_burst: float = CLUSTER_READ_BURST.value
    cluster_reads: float = CLUSTER_READS.value
    vcpus: float = VCPUS.value
    concurrency: float = CONCURRENCY.value
    growth_burst: float = GROWTH_BURST.value
    growth: float = GROWTH.value
    invocations: float = INVOCATIONS.value
    fifo_sends: float = FIFO_SENDS.value
    s3_writes: float = S3_WRITES.value
    s3_reads: float = S3_READS.value
