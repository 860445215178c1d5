"""ResultTopic: which objects are told of, and with what words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.patterns import transform
from tests.template.synthesis import CLOUDTRAIL, FARGATE, HYBRID, synthesize
from tests.template.test_events import (
    HOSTILE_KEYS,
    matches,
    moto,
    sample,
    set_at,
    with_key,
)

__all__ = ["matches", "moto"]  # fixtures

Matches = Callable[[Any, Any], bool]
TOPIC = {"ResultTopic": "true"}
MODES = {"lambda": {}, "fargate": FARGATE, "hybrid": HYBRID, "cloudtrail": CLOUDTRAIL}
RULES = {
    "OutputRule": ("output/", "succeeded"),
    "RejectionRule": ("rejected/", "rejected"),
}
every_rule = in_turn("rule", RULES)


def told_by(matches: Matches, event: Any) -> list[str]:
    """The rules that an event matches."""
    stack = synthesize(TOPIC)
    return [rule for rule in RULES if matches(stack[rule]["EventPattern"], event)]


@pytest.mark.parametrize(
    ("key", "rules"),
    [
        ("output/a.png", ["OutputRule"]),
        ("output/in/folders/a.png", ["OutputRule"]),
        ("rejected/a.png.json", ["RejectionRule"]),
        ("files/a.png/20260101T000000Z-0123456789abcdef.run/b.png", []),
        (".sweep/reports/a", []),
        ("input/a.png", []),
        ("input/output/a.png", []),
        ("outputs/a.png", []),
        ("a.png", []),
    ],
)
def test_each_result_is_told_of_once_and_nothing_else_is(
    matches: Matches, key: str, rules: list[str]
) -> None:
    """Above all none of the files that a manifest names."""
    assert told_by(matches, with_key("s3", key)) == rules


@pytest.mark.parametrize(
    "change",
    [
        {"detail-type": "Object Deleted"},
        {"detail__bucket__name": "another"},
        {"source": "my.app"},
    ],
)
def test_a_result_that_goes_is_not_told_of(matches: Matches, change: dict[str, Any]) -> None:
    """Nor one in another bucket; CloudTrail's records of a result are no second message."""
    event = sample("s3", **{"detail__object__key": "output/a", **change})
    assert told_by(matches, event) == []
    assert told_by(matches, with_key("cloudtrail", "output/a")) == []


@every_rule
@in_turn("key", HOSTILE_KEYS)
def test_the_message_is_json_whatever_the_key_is(rule: str, key: str) -> None:
    prefix, outcome = RULES[rule]
    key = prefix + key.removeprefix("input/")
    event = with_key("s3", key)
    (target,) = synthesize(TOPIC)[rule]["Targets"]
    said = json.loads(transform(target["InputTransformer"], event))
    assert said == {
        "id": [key, event["detail"]["object"]["sequencer"]],
        "outcome": outcome,
        "bucket": event["detail"]["bucket"]["name"],
        "key": key,
        "time": event["time"],
    }


@every_rule
def test_no_value_is_inside_of_quotes(rule: str) -> None:
    """EventBridge's guide escapes what stands for itself, and is silent on what is in a string."""
    (target,) = synthesize(TOPIC)[rule]["Targets"]
    template = target["InputTransformer"]["InputTemplate"]
    assert "<key>" in template
    assert "<" not in "".join(template.split('"')[1::2])


@every_rule
def test_the_pattern_demands_what_the_message_is_made_of(matches: Matches, rule: str) -> None:
    """A path that is missing would leave a hole in the JSON. Each event has a time."""
    stack = synthesize(TOPIC)
    (target,) = stack[rule]["Targets"]
    for path in target["InputTransformer"]["InputPathsMap"].values():
        event = copy.deepcopy(with_key("s3", RULES[rule][0] + "a"))
        assert matches(stack[rule]["EventPattern"], event)
        if path != "$.time":
            set_at(event, path.removeprefix("$."), None)
            assert not matches(stack[rule]["EventPattern"], event)


@in_turn("mode", MODES)
def test_the_bucket_tells_eventbridge_in_every_mode(mode: str) -> None:
    stack = synthesize(MODES[mode], **TOPIC)
    told = stack["DataBucket"]["NotificationConfiguration"]["EventBridgeConfiguration"]
    assert told == {"EventBridgeEnabled": True}
    assert stack.outputs["ResultTopicArn"]["Value"] == "<ResultMessages>"


def test_the_rules_are_of_the_bucket_that_somebody_brings(matches: Matches) -> None:
    stack = synthesize(TOPIC, BucketName="theirs")
    for rule, (prefix, _) in RULES.items():
        event = with_key("s3", f"{prefix}a")
        assert not matches(stack[rule]["EventPattern"], event)
        set_at(event, "detail.bucket.name", "theirs")
        assert matches(stack[rule]["EventPattern"], event)


def test_prefixes_are_the_stacks_own(matches: Matches) -> None:
    stack = synthesize(TOPIC, OutputPrefix="made/", RejectedPrefix="bad/")
    for rule, prefix in {"OutputRule": "made/", "RejectionRule": "bad/"}.items():
        assert matches(stack[rule]["EventPattern"], with_key("s3", f"{prefix}a"))
        assert not matches(stack[rule]["EventPattern"], with_key("s3", f"{RULES[rule][0]}a"))


@every_rule
def test_what_the_topic_does_not_take_is_tried_for_a_day_and_then_reported(rule: str) -> None:
    stack = synthesize(TOPIC)
    (target,) = stack[rule]["Targets"]
    assert target["Arn"] == "<ResultMessages>"
    assert "RoleArn" not in target, (
        "with one, EventBridge may fail to deliver to an encrypted topic"
    )
    assert target["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 86400,
        "MaximumRetryAttempts": 185,
    }
    assert target["DeadLetterConfig"] == {"Arn": "<RawFailureQueue.Arn>"}


@every_rule
def test_a_rule_comes_after_the_policy_that_lets_it_in(rule: str) -> None:
    """A message that is denied is not tried again."""
    assert "ResultMessagesPolicy" in synthesize(TOPIC).dependencies[rule]
