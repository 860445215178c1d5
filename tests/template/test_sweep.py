"""The sweep and the report of failures: when they run, with what, and what they may do."""

from __future__ import annotations

import json
import re
from typing import Any

from functions.sweep import app as sweep
from tests.support.cases import in_turn
from tests.template.synthesis import BUCKET, CHOICES, FARGATE, HYBRID, NETWORKS, SOURCE, synthesize
from tests.template.test_permissions import granted, may, run_task, statements

ARN = f"arn:aws-test:s3:::{BUCKET}"
every_choice = in_turn("choice", CHOICES.values())


def variables(**parameters: str) -> dict[str, Any]:
    return dict(synthesize(parameters)["SweepFunction"]["Environment"]["Variables"])


@every_choice
def test_the_sweep_runs_every_hour_and_goes_on_where_it_stopped(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    rule = stack["SweepRule"]
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    (target,) = rule["Targets"]
    assert target["Arn"] == "<SweepFunction.Arn>"
    assert json.loads(target["Input"]) == {"resume": True}
    assert stack["SweepPermission"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "<SweepFunction>",
        "Principal": "events.amazonaws.com",
        "SourceArn": "<SweepRule.Arn>",
    }


def test_the_schedule_is_the_one_that_was_asked_for() -> None:
    rule = synthesize(SweepSchedule="cron(0 3 * * ? *)")["SweepRule"]
    assert rule["ScheduleExpression"] == "cron(0 3 * * ? *)"


def test_a_sweep_that_fails_is_not_tried_again_but_reported() -> None:
    config = synthesize()["SweepFunctionEventInvokeConfig"]
    assert config["MaximumRetryAttempts"] == 0
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": "<RawFailureQueue.Arn>"}}


def test_the_sweep_is_told_what_the_parameters_say() -> None:
    told = variables(
        FunctionTimeout="7",
        TaskTimeout="8",
        MaxAttempts="9",
        InputPrefix="a/",
        OutputPrefix="b/",
        RejectedPrefix="c/",
        FilesPrefix="d/",
        InputSuffix=".e",
        JobVersion="f",
    )
    assert told == {
        "BUCKET": "<DataBucket>",
        "NOTES_BUCKET": "<DataBucket>",
        "INPUT_SUFFIX": ".e",
        "JOB_VERSION": "f",
        "MODE": "lambda",
        "FUNCTION": "<ProcessFunction>",
        "FUNCTION_TIMEOUT": "7",
        "TASK_TIMEOUT": "8",
        "OVERHEAD_SECONDS": "900",
        "MAX_ATTEMPTS": "9",
        "AFTER_SUCCESS": "keep",
        "INPUT_PREFIX": "a/",
        "OUTPUT_PREFIX": "b/",
        "OUTPUT_SUFFIX": "",
        "REJECTED_PREFIX": "c/",
        "FILES_PREFIX": "d/",
    }


@in_turn("network", NETWORKS)
def test_the_sweep_runs_tasks_as_the_rule_does(network: str) -> None:
    choice = FARGATE | NETWORKS[network]
    (target,) = synthesize(choice)["UploadRule"]["Targets"]
    ecs = target["EcsParameters"]
    network_of_rule = ecs["NetworkConfiguration"]["AwsVpcConfiguration"]
    told = variables(**choice)
    assert "FUNCTION" not in told
    assert told["CLUSTER"] == target["Arn"]
    assert told["TASK_DEFINITION"] == ecs["TaskDefinitionArn"]
    assert told["SUBNETS"].split(",") == network_of_rule["Subnets"]
    assert [told["SECURITY_GROUP"]] == network_of_rule["SecurityGroups"]
    assert told["PUBLIC_IP"] == network_of_rule["AssignPublicIp"]


@in_turn("mode", ["lambda", "fargate", "hybrid"])
def test_the_sweep_knows_both_time_limits_in_every_mode(mode: str) -> None:
    """A task outlives a change to Mode=lambda, and a function's retries one to Mode=fargate."""
    told = variables(Mode=mode)
    assert (told["FUNCTION_TIMEOUT"], told["TASK_TIMEOUT"]) == ("120", "900")


def test_the_sweep_counts_as_many_tries_as_lambda_makes() -> None:
    config = synthesize()["ProcessFunctionEventInvokeConfig"]
    assert config["MaximumRetryAttempts"] + 1 == sweep.TRIES


@in_turn("value", ["hourly", "rate()", "rate(1 hour", "every(1 hour)", " rate(1 hour)"])
def test_what_is_no_schedule_is_refused(value: str) -> None:
    assert not re.fullmatch(SOURCE["Parameters"]["SweepSchedule"]["AllowedPattern"], value)


@every_choice
def test_the_sweep_may_do_what_a_job_may_and_keep_its_notes(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    assert stack["SweepFunctionRole"]["ManagedPolicyArns"] == ["<JobPolicy>"]
    for action in ("s3:GetObject", "s3:PutObject"):
        assert may(stack, "SweepFunctionRole", action, f"{ARN}/.sweep/state")
    for key in ("input/a", "a", ""):
        assert not may(stack, "SweepFunctionRole", "s3:PutObject", f"{ARN}/{key}")


def others(choice: dict[str, str], role: str) -> set[tuple[str, str]]:
    """What a role may do beside S3 and its log."""
    return {
        pair
        for pair in granted(synthesize(choice), role)
        if not pair[0].startswith(("s3:", "logs:"))
    }


def test_the_sweep_starts_the_stacks_own_function() -> None:
    assert others({}, "SweepFunctionRole") == {
        ("sqs:SendMessage", "<RawFailureQueue.Arn>"),
        ("lambda:InvokeFunction", "<ProcessFunction.Arn>"),
    }


def test_the_sweep_starts_the_stacks_own_tasks() -> None:
    stack = synthesize(FARGATE)
    found = statements(stack, "SweepFunctionRole")
    assert [each for each in found if each in run_task(stack)] == run_task(stack)
    assert {action for action, _ in others(FARGATE, "SweepFunctionRole")} == {
        "sqs:SendMessage",
        "ecs:RunTask",
        "ecs:TagResource",
        "iam:PassRole",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
    }


def test_the_sweep_of_hybrid_starts_both_and_knows_the_threshold() -> None:
    stack = synthesize(HYBRID, HybridThresholdMiB="4")
    variables = stack["SweepFunction"]["Environment"]["Variables"]
    assert (variables["MODE"], variables["THRESHOLD"]) == ("hybrid", str(4 * 2**20))
    assert variables["FUNCTION"] == "<ProcessFunction>"
    assert variables["TASK_DEFINITION"] == "<TaskDefinition>"
    assert others(HYBRID, "SweepFunctionRole") == (
        others(FARGATE, "SweepFunctionRole") | others({}, "SweepFunctionRole")
    )


@every_choice
def test_the_report_of_failures_reads_one_queue_and_writes_another(
    choice: dict[str, str],
) -> None:
    fallback = {("lambda:InvokeFunction", "<SweepFunction.Arn>")}
    assert granted(synthesize(choice), "FailureFunctionRole") == {
        ("sqs:ReceiveMessage", "<RawFailureQueue.Arn>"),
        ("sqs:DeleteMessage", "<RawFailureQueue.Arn>"),
        ("sqs:GetQueueAttributes", "<RawFailureQueue.Arn>"),
        ("sqs:SendMessage", "<FailureQueue.Arn>"),
        ("logs:CreateLogStream", "<JobLogGroup.Arn>"),
        ("logs:PutLogEvents", "<JobLogGroup.Arn>"),
        ("s3:ListBucket", "<DataBucket.Arn>"),
        ("s3:GetObject", "<DataBucket.Arn>/.sweep/failures/*"),
        ("s3:PutObject", "<DataBucket.Arn>/.sweep/failures/*"),
        ("s3:GetObject", "<DataBucket.Arn>/.sweep/reports/*"),
    } | (fallback if choice.get("Mode") == "hybrid" else set())
