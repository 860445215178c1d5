"""MaxTasks: the rule fills a queue, and one function alone starts tasks."""

from __future__ import annotations

from typing import Any

from tests.support.cases import in_turn
from tests.template.synthesis import BUCKET, PSEUDO, TASKS, refusals, synthesize
from tests.template.test_choices import made

MAX_TASKS = {"MaxTasks": "5"}
every_engine = in_turn("engine", TASKS.values())
PARTS = {
    "LaunchQueue", "LaunchQueuePolicy", "LaunchFunction", "LaunchFunctionRole",
    "LaunchFunctionLaunches", "LaunchFunctionAlarm",
}  # fmt: skip

REPLACED = {"UploadRuleRole", "LaunchesThrottledAlarm"}


def actions(stack: Any, role: str) -> set[str]:
    """All that a role's own policies allow."""
    statements = [
        statement
        for policy in stack[role]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    found = [each["Action"] for each in statements if each["Effect"] == "Allow"]
    return {name for each in found for name in ([each] if isinstance(each, str) else each)}


@every_engine
def test_a_concurrency_limit_puts_a_queue_and_its_function_in_place_of_the_rules_role(
    engine: dict[str, str],
) -> None:
    assert made({**engine, **MAX_TASKS}) == made(engine) - REPLACED | PARTS


@every_engine
def test_the_rule_sends_each_event_to_one_group_of_the_queue(engine: dict[str, str]) -> None:
    """One group: Lambda hands the next batch out when the last one is done."""
    (target,) = synthesize(engine, **MAX_TASKS)["UploadRule"]["Targets"]
    assert target["Arn"] == "<LaunchQueue.Arn>"
    assert target["SqsParameters"] == {"MessageGroupId": "tasks"}
    # The whole event, whose ID makes it another one than that of an overwrite: a queue with
    # deduplication by content would swallow what looks the same within five minutes.
    assert not {"Input", "InputPath", "InputTransformer"} & target.keys()
    assert target["DeadLetterConfig"] == {"Arn": "<RawFailureQueue.Arn>"}


def test_the_queue_is_one_that_eventbridge_may_fill_in_order() -> None:
    queue = synthesize(TASKS["fargate"], **MAX_TASKS)["LaunchQueue"]
    assert queue == {
        "FifoQueue": True,
        "ContentBasedDeduplication": True,
        "SqsManagedSseEnabled": True,
        "MessageRetentionPeriod": 14 * 24 * 60 * 60,
        "VisibilityTimeout": 720,
    }


def test_lambda_takes_no_longer_than_the_queue_hides_a_message() -> None:
    stack = synthesize(TASKS["fargate"], **MAX_TASKS)
    assert stack["LaunchQueue"]["VisibilityTimeout"] >= 6 * stack["LaunchFunction"]["Timeout"]


def test_the_function_gets_batches_and_says_what_is_left() -> None:
    mapping = synthesize(TASKS["fargate"], **MAX_TASKS)["LaunchFunctionLaunches"]
    assert mapping["EventSourceArn"] == "<LaunchQueue.Arn>"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10


@every_engine
def test_only_the_rule_and_the_sweep_fill_the_queue(engine: dict[str, str]) -> None:
    stack = synthesize(engine, **MAX_TASKS)
    by_sid = {
        each["Sid"]: each for each in stack["LaunchQueuePolicy"]["PolicyDocument"]["Statement"]
    }
    rule = f"arn:aws-test:events:xx-test-9:{PSEUDO['AWS::AccountId']}:rule/"
    assert by_sid["RuleSends"]["Condition"] == {
        "ArnEquals": {"aws:SourceArn": rule + stack["UploadRule"]["Name"]}
    }
    assert by_sid["NobodyElseWrites"]["Effect"] == "Deny"
    assert by_sid["NobodyElseWrites"]["Condition"] == {
        "Bool": {"aws:PrincipalIsAWSService": "false"},
        "ArnNotEquals": {"aws:PrincipalArn": "<SweepFunctionRole.Arn>"},
    }


@every_engine
def test_nothing_but_the_launch_function_starts_tasks(engine: dict[str, str]) -> None:
    """Else a sweep would start them beside it."""
    stack = synthesize(engine, **MAX_TASKS)
    starters = {
        name
        for name, role in stack.of_type("AWS::IAM::Role").items()
        if "Policies" in role and actions(stack, name) & {"ecs:RunTask", "iam:PassRole"}
    }
    assert starters == {"LaunchFunctionRole"}


def test_the_launch_function_sees_and_starts_tasks_of_this_stack_only() -> None:
    stack = synthesize(TASKS["fargate"], **MAX_TASKS)
    (policy,) = stack["LaunchFunctionRole"]["Policies"]
    in_cluster = {"ArnEquals": {"ecs:cluster": "<Cluster.Arn>"}}
    of_ecs = [
        each
        for each in policy["PolicyDocument"]["Statement"]
        if str(each["Action"]).startswith("ecs:")
    ]
    ours = "arn:aws-test:ecs:xx-test-9:111122223333:"
    assert {each["Action"]: (each["Resource"], each.get("Condition")) for each in of_ecs} == {
        "ecs:ListTasks": ("*", in_cluster),
        "ecs:DescribeTasks": (f"{ours}task/<Cluster>/*", None),
        "ecs:RunTask": (f"{ours}task-definition/mazes:*", in_cluster),
        "ecs:TagResource": (
            f"{ours}task/<Cluster>/*",
            {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        ),
    }


@every_engine
def test_the_sweep_sees_the_tasks_and_is_not_told_how_to_start_one(engine: dict[str, str]) -> None:
    told = synthesize(engine, **MAX_TASKS)["SweepFunction"]["Environment"]["Variables"]
    assert (told["LAUNCH_QUEUE"], told["CLUSTER"]) == ("<LaunchQueue>", "<Cluster.Arn>")
    assert not {"TASK_DEFINITION", "SUBNETS", "SECURITY_GROUP", "PUBLIC_IP"} & told.keys()


def test_the_launch_function_is_told_all_that_it_reads() -> None:
    told = synthesize(TASKS["fargate"], **MAX_TASKS)["LaunchFunction"]["Environment"]["Variables"]
    assert told == {
        "NOTES_BUCKET": BUCKET,
        "INPUT_SUFFIX": "",
        "MAX_TASKS": "5",
        "SPOT": "no",
        "INPUT_PREFIX": "input/",
        "LAUNCH_QUEUE": "<LaunchQueue>",
        "RAW_FAILURE_QUEUE": "<RawFailureQueue>",
        "CLUSTER": "<Cluster.Arn>",
        "TASK_DEFINITION": "<TaskDefinition>",
        "SUBNETS": "<TaskSubnetA>,<TaskSubnetB>",
        "SECURITY_GROUP": "<TaskSecurityGroup>",
        "PUBLIC_IP": "DISABLED",
    }


def test_functions_have_no_limit_on_tasks() -> None:
    (refusal,) = refusals(MAX_TASKS)
    assert "MaxTasks needs Mode=fargate or hybrid" in refusal
