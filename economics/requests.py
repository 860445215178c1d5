"""What S3 and EventBridge are asked for and told, and what that costs."""

from __future__ import annotations

import math

from .figures import ASSUMED, PRICES
from .stack import Stack
from .work import Job, Work

PART_MIB = 8
"""From this size on, `aws s3 cp`, the console and SDKs upload in parts of it."""


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
    """S3's notifications to a function cost nothing."""
    price, by_trail, cost = PRICES["eventbridge"]["opt_in_event"], 0.0, 0.0
    if stack.event_source == "cloudtrail":
        by_trail = uploads * ASSUMED["trail_events_billed"] * price
    elif stack.mode != "lambda":
        cost = 2 * uploads * price
    if stack.result_topic:
        # S3 sends an event for each object of the bucket: for each upload, and for each result.
        cost = 2 * uploads * price + uploads * PRICES["sns"]["publish"]
    return float(by_trail + cost)
