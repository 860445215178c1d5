"""Each alarm: its metric exists, its cause sets it off, and somebody hears of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cases import in_turn
from tests.template.alarms import HOUR, MINUTE, Json, Series, alarm_states, sets_off
from tests.template.causes import CAUSES, LOUD, cant_start, overdue
from tests.template.metrics import check_metric
from tests.template.synthesis import CHOICES, SOURCE, Stack, synthesize

OPERATIONS = (Path(__file__).parents[2] / "docs/OPERATIONS.md").read_text()
every_choice = in_turn("choice", CHOICES.values())
ALL = {"Mode": "hybrid", "AlarmEmail": "operator@example.com", "ResultTopic": "true"}
"""With every alarm but those of a concurrency limit."""


@every_choice
def test_each_alarm_is_on_a_metric_that_exists(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    for each in stack.of_type("AWS::CloudWatch::Alarm").values():
        dimensions = {d["Name"]: d["Value"] for d in each.get("Dimensions", [])}
        check_metric(stack, each["Namespace"], each["MetricName"], dimensions)


@every_choice
def test_each_alarm_says_where_the_remedy_is(choice: dict[str, str]) -> None:
    for each in synthesize(choice).of_type("AWS::CloudWatch::Alarm").values():
        named = re.search(r"See OPERATIONS\.md, ([^.]+)\.$", each["AlarmDescription"])
        assert named
        assert f"\n## {named[1]}\n" in OPERATIONS


def test_each_alarm_has_a_row_in_operations() -> None:
    table = OPERATIONS.split("\n## Alarms\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+Alarm)`", table, re.MULTILINE))
    kind = "AWS::CloudWatch::Alarm"
    assert named == {n for n, each in SOURCE["Resources"].items() if each["Type"] == kind}


@every_choice
def test_an_alarm_is_sent_only_to_an_address_that_was_given(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    expected = ["<AlarmTopic>"] if stack.parameters["AlarmEmail"] else []
    for each in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert each["AlarmActions"] == each["OKActions"] == expected


def test_only_alarms_of_this_account_are_published_and_by_tls() -> None:
    stack = synthesize(ALL)
    assert stack["AlarmTopic"]["Subscription"] == [
        {"Protocol": "email", "Endpoint": "operator@example.com"}
    ]
    tls, alarms, others = stack["AlarmTopicPolicy"]["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ours = {"aws:SourceArn": "arn:aws-test:cloudwatch:xx-test-9:111122223333:alarm:mazes-*"}
    account = {"aws:SourceAccount": "111122223333"}
    assert alarms["Condition"] == {"StringEquals": account, "ArnLike": ours}
    assert (others["Effect"], others["Principal"]) == ("Deny", "*")
    assert others["Condition"] == {"ArnNotLike": ours}


def test_what_is_not_measured_is_no_alarm() -> None:
    """But the sweep measures once an hour: what it saw last holds until it looks again."""
    for name, each in synthesize(ALL).of_type("AWS::CloudWatch::Alarm").items():
        by_the_sweep = name in ("OldestWithoutResultAlarm", "CantStartAlarm")
        expected = "ignore" if by_the_sweep else "notBreaching"
        assert each["TreatMissingData"] == expected


OF = {
    "FailureQueueAlarm": ("ApproximateNumberOfMessagesVisible", "<FailureQueue.QueueName>"),
    "FailuresUnreportedAlarm": ("ApproximateAgeOfOldestMessage", "<RawFailureQueue.QueueName>"),
    "SweepFailsAlarm": ("Errors", "<SweepFunction>"),
    "FunctionThrottledAlarm": ("Throttles", "<ProcessFunction>"),
    "LaunchesThrottledAlarm": ("RetryInvocationAttempts", "<UploadRule>"),
    "UploadEventsLostAlarm": ("InvocationsFailedToBeSentToDlq", "<UploadRule>"),
    "SmallUploadEventsLostAlarm": ("InvocationsFailedToBeSentToDlq", "<SmallUploadRule>"),
    "OutputMessagesLostAlarm": ("InvocationsFailedToBeSentToDlq", "<OutputRule>"),
    "RejectionMessagesLostAlarm": ("InvocationsFailedToBeSentToDlq", "<RejectionRule>"),
    "TaskFailuresLostAlarm": ("FailedInvocations", "<TaskFailureRule>"),
    "LaunchFunctionAlarm": ("Errors", "<LaunchFunction>"),
    "ImageBuildAlarm": ("FailedBuilds", "<ImageBuild>"),
    "UploadsFailAlarm": ("Failures", ""),
    "OldestWithoutResultAlarm": ("OldestWithoutResult", ""),
    "GaveUpAlarm": ("GaveUp", ""),
    "CantStartAlarm": ("CantStart", ""),
    "NotStartedAlarm": ("NotStarted", ""),
}
"""The metric of each alarm, and of what it is."""


def stack_with(alarm: str) -> Stack:
    return synthesize(ALL, MaxTasks="5") if alarm == "LaunchFunctionAlarm" else synthesize(ALL)


@every_choice
def test_an_event_that_no_queue_takes_sets_off_an_alarm_whichever_rule_it_is_of(
    choice: dict[str, str],
) -> None:
    stack = synthesize(choice)
    rules = {
        f"<{name}>"
        for name, each in stack.of_type("AWS::Events::Rule").items()
        if name != "SweepRule" and any("DeadLetterConfig" in t for t in each["Targets"])
    }
    watched = {
        alarm["Dimensions"][0]["Value"]
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "InvocationsFailedToBeSentToDlq"
    }
    assert watched == rules


@pytest.mark.parametrize(
    ("name", "cause", "loud"),
    [pytest.param(n, c, loud, id=f"{n}: {says}") for n, says, c, loud in CAUSES],
)
def test_an_alarm_goes_off_by_its_cause_and_by_nothing_else(
    name: str, cause: Callable[[], Series], loud: bool
) -> None:
    assert sets_off(stack_with(name), name, cause()) is loud


def test_each_alarm_has_a_cause_and_a_time_of_quiet_and_its_own_metric() -> None:
    kind = "AWS::CloudWatch::Alarm"
    alarms = {n for n, each in SOURCE["Resources"].items() if each["Type"] == kind}
    for loud in (True, False):
        assert {name for name, *_, each in CAUSES if each is loud} == alarms
    for name in alarms:
        metric, of = OF[name]
        alarm = stack_with(name)[name]
        assert alarm["MetricName"] == metric
        assert [d["Value"] for d in alarm.get("Dimensions", [])] == ([of] if of else [])


@pytest.mark.parametrize(
    "change",
    [
        {"ActionsEnabled": False},
        {"AlarmActions": []},
        {"EvaluationPeriods": 10000, "DatapointsToAlarm": 10000},
        {"EvaluationPeriods": 288, "DatapointsToAlarm": 288},
        {"EvaluationPeriods": 1, "DatapointsToAlarm": 2},
        {"Threshold": 1e12},
    ],
    ids=str,
)
@in_turn("name", sorted({name for name, _ in LOUD}))
def test_an_alarm_that_never_goes_off_is_noticed(name: str, change: Json) -> None:
    stack = stack_with(name)
    stack[name].update(change)
    assert not any(sets_off(stack, name, cause()) for each, cause in LOUD if each == name)


@in_turn("name", ["UploadsFailAlarm", "NotStartedAlarm"])
def test_what_comes_seldom_needs_no_three_periods_on_end(name: str) -> None:
    """As both had it: an hourly sweep, or an upload every ten minutes, never set them off."""
    stack = stack_with(name)
    stack[name].update(EvaluationPeriods=3, DatapointsToAlarm=3)
    assert not any(sets_off(stack, name, cause()) for each, cause in LOUD if each == name)


def test_an_upload_that_waits_is_told_until_a_sweep_finds_it_settled() -> None:
    """Between two sweeps nothing is measured: what the last one saw holds."""
    alarm = synthesize(ALL)["OldestWithoutResultAlarm"]
    for more in (0, 2):
        states = alarm_states(alarm, overdue(5, 7, 8, 0), more)
        assert states[HOUR // 2] == "OK"
        assert {states[HOUR * 2 - MINUTE], states[HOUR * 3 - MINUTE]} == {"ALARM"}
        assert {*list(states.values())[-60:]} == {"OK"}


def test_what_cant_start_is_told_until_a_sweep_finds_that_it_can() -> None:
    """Whether that sweep left it waiting or has started it again; and not for an hour of quiet."""
    alarm = synthesize(ALL)["CantStartAlarm"]
    for more in (0, 2):
        states = alarm_states(alarm, cant_start(False, True, True, False), more)
        assert states[HOUR // 2] == "OK"
        assert {states[HOUR * 2 - MINUTE], states[HOUR * 3 - MINUTE]} == {"ALARM"}
        assert {*list(states.values())[-60:]} == {"OK"}
