"""The failure queue: who fails into it, and that nobody else writes to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import CHOICES, FARGATE, synthesize

every_choice = in_turn("choice", CHOICES.values())


QUEUES = ["FailureQueue", "RawFailureQueue"]
every_queue = in_turn("queue", QUEUES)


def statements(choice: dict[str, str], queue: str) -> dict[str, dict[str, Any]]:
    """The queue's policy by Sid."""
    policy = synthesize(choice)[f"{queue}Policy"]
    assert policy["Queues"] == [f"<{queue}>"]
    return {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}


@every_queue
@every_choice
def test_queues_are_encrypted_and_keep_messages_for_14_days(
    choice: dict[str, str], queue: str
) -> None:
    found = synthesize(choice)[queue]
    assert found["SqsManagedSseEnabled"] is True
    assert found["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_the_function_is_tried_three_times_and_then_reported() -> None:
    assert synthesize()["ProcessFunctionEventInvokeConfig"] == {
        "FunctionName": "<ProcessFunction>",
        "Qualifier": "$LATEST",
        "MaximumEventAgeInSeconds": 21600,
        "MaximumRetryAttempts": 2,
        "DestinationConfig": {"OnFailure": {"Destination": "<RawFailureQueue.Arn>"}},
    }


@every_choice
def test_the_rules_of_this_stack_may_report_as_services(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    rules = {f"<{name}.Arn>" for name in stack.of_type("AWS::Events::Rule")}
    reports = statements(choice, "RawFailureQueue")["RulesReport"]
    assert reports["Principal"] == {"Service": "events.amazonaws.com"}
    assert reports["Action"] == "sqs:SendMessage"
    sources = {*reports["Condition"]["ArnEquals"]["aws:SourceArn"]}
    # By name, because the rule is there only while there is a schedule.
    by_name = f"arn:aws-test:events:xx-test-9:111122223333:rule/{stack['SweepRule']['Name']}"
    assert sources == rules - {"<SweepRule.Arn>"} | {by_name}


@pytest.mark.parametrize(
    ("choice", "writers"),
    [
        ({}, ["<SweepFunctionRole.Arn>", "<ProcessFunctionRole.Arn>"]),
        (FARGATE, ["<SweepFunctionRole.Arn>"]),
    ],
    ids=["lambda", "fargate"],
)
def test_only_functions_that_may_fail_write_raw_failures(
    choice: dict[str, str], writers: list[str]
) -> None:
    denied = statements(choice, "RawFailureQueue")["NobodyElseWrites"]
    assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
    assert denied["Action"] == "sqs:SendMessage"
    assert denied["Condition"] == {
        "Bool": {"aws:PrincipalIsAWSService": "false"},
        "ArnNotEquals": {"aws:PrincipalArn": writers},
    }


@every_choice
def test_only_one_function_writes_what_people_read(choice: dict[str, str]) -> None:
    policy = statements(choice, "FailureQueue")
    assert policy.keys() == {"TlsOnly", "NobodyElseWrites"}
    denied = policy["NobodyElseWrites"]
    assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
    assert denied["Condition"] == {
        "Bool": {"aws:PrincipalIsAWSService": "false"},
        "ArnNotEquals": {"aws:PrincipalArn": "<FailureFunctionRole.Arn>"},
    }


def test_only_one_queue_may_have_it_as_its_dead_letter_queue() -> None:
    stack = synthesize()
    name = stack["RawFailureQueue"]["QueueName"]
    assert stack["FailureQueue"]["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:aws-test:sqs:xx-test-9:111122223333:{name}"],
    }


def test_a_burst_of_failures_waits_and_does_not_throttle_what_is_asked() -> None:
    mapping = synthesize()["FailureFunctionRawFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}


@every_choice
def test_every_rule_that_starts_something_has_somewhere_to_fail_to(
    choice: dict[str, str],
) -> None:
    for rule in synthesize(choice).of_type("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            if target["Arn"] != "<RawFailureQueue.Arn>":
                assert target["DeadLetterConfig"] == {"Arn": "<RawFailureQueue.Arn>"}


@every_choice
def test_every_function_has_somewhere_to_fail_to(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    configured = {
        each["FunctionName"]: each["DestinationConfig"]["OnFailure"]["Destination"]
        for each in stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    read_from_queues = {
        each["FunctionName"]: each["EventSourceArn"]
        for each in stack.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    launches = {"<LaunchFunction>": "<LaunchQueue.Arn>"}
    assert read_from_queues == {
        "<FailureFunction>": "<RawFailureQueue.Arn>",
        **(launches if stack.parameters["MaxTasks"] != "0" else {}),
    }
    for name in stack.of_type("AWS::Lambda::Function"):
        # CloudFormation is told, and gives up after its own time; the queue keeps the messages.
        if name != "ResourcesFunction" and f"<{name}>" not in read_from_queues:
            assert configured[f"<{name}>"] == "<RawFailureQueue.Arn>"


def test_what_cant_be_reported_goes_to_the_people_as_it_is() -> None:
    stack = synthesize()
    raw, function = stack["RawFailureQueue"], stack["FailureFunction"]
    assert raw["RedrivePolicy"] == {
        "deadLetterTargetArn": "<FailureQueue.Arn>",
        "maxReceiveCount": 5,
    }
    assert raw["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_a_message_that_cant_be_reported_takes_no_other_along() -> None:
    mapping = synthesize().only("AWS::Lambda::EventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@every_choice
def test_the_report_says_what_a_task_of_this_stack_said(choice: dict[str, str]) -> None:
    variables = synthesize(choice, InputPrefix="in/")["FailureFunction"]["Environment"]["Variables"]
    assert variables == {
        "FAILURE_QUEUE": "<FailureQueue>",
        "SWEEP_FUNCTION": "<SweepFunction>",
        "FALLBACK": "yes" if choice.get("Mode") == "hybrid" else "no",
        "NOTES_BUCKET": "<DataBucket>",
        "INPUT_PREFIX": "in/",
        "INPUT_SUFFIX": "",
    }
