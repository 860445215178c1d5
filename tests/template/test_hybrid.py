"""Mode=hybrid: each upload goes to one engine, and what the function can't do to the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template import patterns
from tests.template.synthesis import BUCKET, HYBRID, SOURCE, refusals, synthesize

MIB = 2**20
MOST_COMPARED = 5_000_000_000
LARGEST_OBJECT = 50 * 2**40
"""50 TB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
THRESHOLDS = [int(each) for each in SOURCE["Parameters"]["HybridThresholdMiB"]["AllowedValues"]]


def upload(size: int, key: str = "input/a.png") -> dict[str, Any]:
    """S3's event of an upload."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": size}},
    }


def started(threshold: int, event: dict[str, Any]) -> list[str]:
    """The rules that match the event."""
    stack = synthesize(HYBRID, HybridThresholdMiB=str(threshold))
    rules = ("SmallUploadRule", "UploadRule")
    return [rule for rule in rules if patterns.matches(stack[rule]["EventPattern"], event)]


@in_turn("threshold", THRESHOLDS)
def test_each_size_that_eventbridge_compares_starts_one_job(threshold: int) -> None:
    limit = threshold * MIB
    for size in (0, 1, limit - 1, limit):
        assert started(threshold, upload(size)) == ["SmallUploadRule"]
    for size in (limit + 1, MOST_COMPARED - 1, MOST_COMPARED):
        assert started(threshold, upload(size)) == ["UploadRule"]


@in_turn("size", [MOST_COMPARED + 1, LARGEST_OBJECT])
def test_larger_ones_start_none_so_there_must_be_a_sweep(size: int) -> None:
    assert started(16, upload(size)) == []
    (reason,) = refusals({**HYBRID, "SweepSchedule": ""})
    assert "only the sweep finds files above 5 GB" in reason
    assert refusals(HYBRID) == []


@in_turn("key", ["output/a.png", "rejected/a.json", "inputs/a", ".sweep/state"])
def test_other_keys_start_none(key: str) -> None:
    assert started(16, upload(1, key)) == started(16, upload(100 * MIB, key)) == []


def test_cloudtrail_is_refused_because_its_records_have_no_size() -> None:
    (reason,) = refusals({**HYBRID, "EventSource": "cloudtrail"})
    assert "Mode=hybrid chooses by size and records have none" in reason


def test_the_bucket_tells_eventbridge_and_no_function() -> None:
    configuration = synthesize(HYBRID)["DataBucket"]["NotificationConfiguration"]
    assert configuration == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_only_its_rule_may_invoke_the_function() -> None:
    stack = synthesize(HYBRID)
    permissions = [
        name
        for name, resource in stack.resources.items()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["FunctionName"] == "<ProcessFunction>"
    ]
    assert permissions == ["SmallUploadPermission"]
    assert stack["SmallUploadPermission"]["Principal"] == "events.amazonaws.com"
    rule = f"arn:aws-test:events:xx-test-9:111122223333:rule/{stack['SmallUploadRule']['Name']}"
    assert stack["SmallUploadPermission"]["SourceArn"] == rule


def test_the_bucket_comes_after_both_ways() -> None:
    needed = synthesize(HYBRID).dependencies["DataBucket"]
    assert needed >= {"UploadRule", "SmallUploadRule", "SmallUploadPermission"}


def test_an_event_that_the_function_does_not_get_is_tried_for_a_day_and_then_kept() -> None:
    stack = synthesize(HYBRID)
    (target,) = stack["SmallUploadRule"]["Targets"]
    assert target["Arn"] == "<ProcessFunction.Arn>"
    assert target["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 86400,
        "MaximumRetryAttempts": 185,
    }
    assert target["DeadLetterConfig"] == {"Arn": "<RawFailureQueue.Arn>"}
    statements = stack["RawFailureQueuePolicy"]["PolicyDocument"]["Statement"]
    (allowed,) = [each for each in statements if each["Effect"] == "Allow"]
    assert "<SmallUploadRule.Arn>" in allowed["Condition"]["ArnEquals"]["aws:SourceArn"]


@pytest.mark.parametrize(
    ("mode", "memory_error", "retries"), [("lambda", "reject", 2), ("hybrid", "fail", 0)]
)
def test_what_the_function_fails_to_do_falls_back_at_once(
    mode: str, memory_error: str, retries: int
) -> None:
    stack = synthesize({**HYBRID, "Mode": mode})
    variables = stack["ProcessFunction"]["Environment"]["Variables"]
    assert (variables["MODE"], variables["MEMORY_ERROR"]) == ("lambda", memory_error)
    invoked = [
        resource["Properties"]
        for resource in stack.resources.values()
        if resource["Type"] == "AWS::Lambda::EventInvokeConfig"
        and resource["Properties"]["FunctionName"] == "<ProcessFunction>"
    ]
    assert [each["MaximumRetryAttempts"] for each in invoked] == [retries]


def test_a_task_rejects_what_its_memory_does_not_suffice_for() -> None:
    (container,) = synthesize(HYBRID)["TaskDefinition"]["ContainerDefinitions"]
    told = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert told["MODE"] == "fargate"
    assert "MEMORY_ERROR" not in told
