"""Metric filters: ministack keeps them, and makes no metrics of what is logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

from local.filter_pattern import field, matches

from .links import Link, PatchPoint

Json = dict[str, Any]


def apply() -> None:
    append: Callable[[Json, list[Json]], None] = cloudwatch_logs._append_log_events

    def append_and_measure(stream: Json, events: list[Json]) -> None:
        append(stream, events)
        for found in list(cloudwatch_logs._metric_filters.values()):
            group = cloudwatch_logs._log_groups.get(found["logGroupName"], {"streams": {}})
            if _is_among(group["streams"], stream):
                for event in events:
                    _measure(found, event["message"])
        cloudwatch._evaluate_all_alarms()

    cloudwatch_logs._append_log_events = append_and_measure


def _is_among(streams: Json, stream: Json) -> bool:
    """The newest first: a function writes a stream for each invocation."""
    while True:
        try:
            return any(each is stream for each in reversed(streams.values()))
        except RuntimeError:  # another one came meanwhile
            continue


def _measure(metric_filter: Json, line: str) -> None:
    if not matches(metric_filter["filterPattern"], line):
        return
    for each in metric_filter["metricTransformations"]:
        value = each["metricValue"]
        number = field(value, line) if value.startswith("$") else float(value)
        if number is not None:
            dimensions = {k: str(field(v, line)) for k, v in each.get("dimensions", {}).items()}
            cloudwatch.record_metric(
                each["metricNamespace"], each["metricName"], float(number), "None", dimensions
            )


LINK = Link(
    what="metrics from log lines",
    patch_points=(
        PatchPoint(cloudwatch_logs, "_append_log_events"),
        PatchPoint(cloudwatch_logs, "_metric_filters"),
        PatchPoint(cloudwatch_logs, "_log_groups"),
        PatchPoint(cloudwatch, "_evaluate_all_alarms", ()),
        PatchPoint(cloudwatch, "record_metric", ("namespace", "metric_name", "value", "unit")),
    ),
    apply=apply,
)
