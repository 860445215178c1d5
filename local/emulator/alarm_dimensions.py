"""An alarm looks at the metric with its own dimensions; ministack's takes those of all of them
together, so that one stack's failures set off another stack's alarms.

It still takes all data of Period x EvaluationPeriods as one, and not M of N periods.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from ministack.services import cloudwatch

from .links import Link, PatchPoint

Json = dict[str, Any]
TESTS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def evaluate(alarm: Json) -> None:
    """Set the alarm's state by the newest data; without any, it stays."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
    key = alarm.get("Namespace"), alarm.get("MetricName"), cloudwatch._dims_key(dimensions)
    since = time.time() - alarm["Period"] * alarm["EvaluationPeriods"]
    newest_first = reversed(cloudwatch._metrics.get(key, []))
    recent = list(takewhile(lambda point: point["Timestamp"] >= since, newest_first))
    if not recent:
        return
    statistic, threshold = alarm["Statistic"], alarm["Threshold"]
    value = cloudwatch._calc_stats(recent)[statistic]
    comparison = alarm["ComparisonOperator"]
    before, now = alarm["StateValue"], "ALARM" if TESTS[comparison](value, threshold) else "OK"
    if before != now:
        reason = f"Threshold Crossed: {statistic} {value} {comparison} {threshold}"
        alarm |= {"StateValue": now, "StateReason": reason}
        alarm["StateUpdatedTimestamp"] = int(time.time())
        cloudwatch._record_history(alarm["AlarmName"], before, now, reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, now, reason)


def apply() -> None:
    cloudwatch._evaluate_alarm = evaluate


LINK = Link(
    what="alarms by the dimensions of their metrics",
    patch_points=(
        PatchPoint(cloudwatch, "_evaluate_alarm", ("alarm",)),
        PatchPoint(cloudwatch, "_metrics"),
        PatchPoint(cloudwatch, "_dims_key", ("dims",)),
        PatchPoint(cloudwatch, "_calc_stats"),
        PatchPoint(cloudwatch, "_record_history", ("alarm_name", "old_state", "new_state")),
        PatchPoint(
            cloudwatch, "_dispatch_alarm_actions", ("alarm", "old_state", "new_state", "reason")
        ),
    ),
    apply=apply,
)
