"""What CloudWatch measures: of what the jobs log, and of what AWS publishes itself."""

from __future__ import annotations

from local.filter_pattern import field, matches
from tests.template.alarms import Json, Series
from tests.template.synthesis import Stack

OURS = "Uploads/mazes"
OF_AWS = {
    "AWS/Lambda": (
        {
            "AsyncEventsReceived", "ConcurrentExecutions", "Duration", "Errors", "Invocations",
            "Throttles",
        },
        {"FunctionName"},
    ),
    "AWS/SQS": (
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
        {"QueueName"},
    ),
    "AWS/Events": (
        {
            "FailedInvocations", "Invocations", "InvocationsFailedToBeSentToDlq",
            "RetryInvocationAttempts",
        },
        {"RuleName"},
    ),
    "AWS/CodeBuild": ({"FailedBuilds"}, {"ProjectName"}),
    "AWS/Logs": ({"IncomingBytes"}, {"LogGroupName"}),
    "AWS/S3": ({"BucketSizeBytes"}, {"BucketName", "StorageType"}),
    "AWS/Usage": ({"ResourceCount"}, {"Type", "Resource", "Service", "Class"}),
}  # fmt: skip
"""Metrics that AWS documents for these services, with their dimensions, as far as used here."""


def transformations(stack: Stack) -> dict[str, tuple[str, Json]]:
    """Pattern and transformation of each of our metrics, by its name."""
    found = {}
    for each in stack.of_type("AWS::Logs::MetricFilter").values():
        assert each["LogGroupName"] == "<JobLogGroup>"
        (transformation,) = each["MetricTransformations"]
        assert transformation["MetricNamespace"] == OURS
        found[transformation["MetricName"]] = (each["FilterPattern"], transformation)
    return found


def values(stack: Stack, metric: str, lines: list[str]) -> list[float]:
    """What CloudWatch makes of log lines that match."""
    pattern, transformation = transformations(stack)[metric]
    value = transformation["MetricValue"]
    return [
        float(field(value, line) if value.startswith("$") else value)
        for line in lines
        if matches(pattern, line)
    ]


def measured(stack: Stack, metric: str, *said: tuple[float, list[str]]) -> Series:
    """What CloudWatch makes of lines that were logged at these seconds.

    A default value stands for each minute in which something was logged and nothing matched.
    """
    found = [(at, each) for at, lines in said for each in values(stack, metric, lines)]
    _, transformation = transformations(stack)[metric]
    if "DefaultValue" in transformation:
        matched = {at // 60 for at, _ in found}
        others = {at // 60 for at, _ in said} - matched
        found += [(minute * 60, float(transformation["DefaultValue"])) for minute in others]
    return sorted(found)


def check_metric(stack: Stack, namespace: str, name: str, dimensions: dict[str, str]) -> None:
    """That somebody publishes it, with these dimensions."""
    if namespace != OURS:
        names, keys = OF_AWS[namespace]
        assert name in names
        assert dimensions.keys() == keys
        return
    _, transformation = transformations(stack)[name]
    assert dimensions.keys() == {d["Key"] for d in transformation.get("Dimensions", [])}
