"""The failure queue: who fails into it, and that nobody else writes to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.synthesis import CHOICES, FARGATE, synthesize

every_choice = pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES.keys())


def statements(choice: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The queue's policy by Sid."""
    policy = synthesize(choice)["FailureQueuePolicy"]
    assert policy["Queues"] == ["<FailureQueue>"]
    return {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}


@every_choice
def test_the_queue_is_encrypted_and_keeps_messages_for_14_days(choice: dict[str, str]) -> None:
    queue = synthesize(choice)["FailureQueue"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


@every_choice
def test_the_queue_refuses_what_does_not_come_by_tls(choice: dict[str, str]) -> None:
    assert statements(choice)["TlsOnly"] == {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "<FailureQueue.Arn>",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_the_function_is_tried_three_times_and_then_reported() -> None:
    assert synthesize().only("AWS::Lambda::EventInvokeConfig") == {
        "FunctionName": "<ProcessFunction>",
        "Qualifier": "$LATEST",
        "MaximumEventAgeInSeconds": 21600,
        "MaximumRetryAttempts": 2,
        "DestinationConfig": {"OnFailure": {"Destination": "<FailureQueue.Arn>"}},
    }


def test_the_rules_of_this_stack_may_report() -> None:
    stack = synthesize(FARGATE)
    rules = {f"<{name}.Arn>" for name in stack.of_type("AWS::Events::Rule")}
    reports = statements(FARGATE)["RulesReport"]
    assert reports["Principal"] == {"Service": "events.amazonaws.com"}
    assert reports["Action"] == "sqs:SendMessage"
    assert {*reports["Condition"]["ArnEquals"]["aws:SourceArn"]} == rules


def test_no_rule_may_report_where_there_is_none() -> None:
    assert statements({}).keys() == {"TlsOnly", "NobodyElseWrites"}


@pytest.mark.parametrize(
    ("choice", "writer"),
    [
        ({}, "<ProcessFunctionRole.Arn>"),
        (FARGATE, "arn:aws-test:iam::111122223333:role/none"),
    ],
    ids=["lambda", "fargate"],
)
def test_no_other_role_or_user_may_write(choice: dict[str, str], writer: str) -> None:
    denied = statements(choice)["NobodyElseWrites"]
    assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
    assert denied["Action"] == "sqs:SendMessage"
    assert denied["Condition"] == {
        "Bool": {"aws:PrincipalIsAWSService": "false"},
        "ArnNotEquals": {"aws:PrincipalArn": writer},
    }


@every_choice
def test_every_rule_that_starts_something_has_somewhere_to_fail_to(
    choice: dict[str, str],
) -> None:
    for rule in synthesize(choice).of_type("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            if target["Arn"] != "<FailureQueue.Arn>":
                assert target["DeadLetterConfig"] == {"Arn": "<FailureQueue.Arn>"}


@every_choice
def test_every_function_has_somewhere_to_fail_to(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    configured = {
        each["FunctionName"]: each["DestinationConfig"]["OnFailure"]["Destination"]
        for each in stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    for name in stack.of_type("AWS::Lambda::Function"):
        if name != "ImageFunction":  # CloudFormation is told, and gives up after its own time
            assert configured[f"<{name}>"] == "<FailureQueue.Arn>"
