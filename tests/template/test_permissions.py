"""Roles and policies: who may do what, and nobody more."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import BUCKET, CHOICES, FARGATE, Stack, synthesize

every_choice = in_turn("choice", CHOICES.values())
ARN = f"arn:aws-test:s3:::{BUCKET}"

# Actions that IAM can't tie to a resource.
WITHOUT_RESOURCE = {"ecr:GetAuthorizationToken", "ecs:ListTasks"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(stack: Stack, role: str) -> list[dict[str, Any]]:
    """All that a role's own and attached policies say."""
    documents = [policy["PolicyDocument"] for policy in stack[role].get("Policies", [])]
    for policy in stack[role].get("ManagedPolicyArns", []):
        documents.append(stack[policy.strip("<>")]["PolicyDocument"])
    return [each for document in documents for each in document["Statement"]]


def granted(stack: Stack, role: str) -> set[tuple[str, str]]:
    """Every action and resource that a role's policies allow."""
    return named(stack, role, "Allow")


def named(stack: Stack, role: str, effect: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for each in statements(stack, role)
        if each["Effect"] == effect
        for action in listed(each["Action"])
        for resource in listed(each["Resource"])
    }


def may(stack: Stack, role: str, action: str, resource: str) -> bool:
    return any(
        fnmatchcase(action, pattern) and fnmatchcase(resource, where)
        for pattern, where in granted(stack, role)
    )


@pytest.mark.parametrize(
    ("choice", "role"),
    [({}, "ProcessFunctionRole"), (FARGATE, "TaskRole")],
    ids=["lambda", "fargate"],
)
class TestJob:
    """What a job may do, the same in both engines."""

    def test_reads_uploads_and_results(self, choice: dict[str, str], role: str) -> None:
        stack = synthesize(choice)
        for key in ("input/a", "output/a", "rejected/a.json"):
            assert may(stack, role, "s3:GetObject", f"{ARN}/{key}")

    def test_writes_and_deletes_results(self, choice: dict[str, str], role: str) -> None:
        stack = synthesize(choice)
        for action in ("s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"):
            for key in ("output/a", "files/a/1.run/b", "rejected/a.json"):
                assert may(stack, role, action, f"{ARN}/{key}")

    def test_lists_the_bucket_so_that_a_missing_key_is_404(
        self, choice: dict[str, str], role: str
    ) -> None:
        stack = synthesize(choice)
        assert may(stack, role, "s3:ListBucket", ARN)
        (listing,) = (each for each in statements(stack, role) if "s3:ListBucket" in each["Action"])
        assert "Condition" not in listing

    @in_turn("key", ["input/a", "a", "inputs/a", "output", ""])
    @in_turn(
        "action",
        ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl"],
    )
    def test_writes_nothing_else(
        self, choice: dict[str, str], role: str, action: str, key: str
    ) -> None:
        """Above all nothing under the input prefix: no job can start another."""
        assert not may(synthesize(choice), role, action, f"{ARN}/{key}")

    def test_follows_the_prefixes(self, choice: dict[str, str], role: str) -> None:
        prefixes = {"InputPrefix": "a/", "OutputPrefix": "b/", "RejectedPrefix": "c/"}
        stack = synthesize(choice, FilesPrefix="d/", **prefixes)
        written = {where for action, where in granted(stack, role) if action == "s3:PutObject"}
        read = {where for action, where in granted(stack, role) if action == "s3:GetObject"}
        reports = f"{ARN}/.sweep/reports/*"
        assert written == {f"{ARN}/b/*", f"{ARN}/c/*", f"{ARN}/d/*", reports}
        assert read == {f"{ARN}/a/*", f"{ARN}/b/*", f"{ARN}/c/*", reports}

    @in_turn("after", ["keep", "delete"])
    def test_may_not_upload_whatever_its_other_policies_allow(
        self, choice: dict[str, str], role: str, after: str
    ) -> None:
        """And deletes uploads, but no version of them, only where they are deleted afterwards."""
        stack = synthesize(choice, InputPrefix="a/", AfterSuccess=after)
        denied = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}
        if after == "delete":
            denied.remove("s3:DeleteObject")
        assert named(stack, role, "Deny") == {(action, f"{ARN}/a/*") for action in denied}
        assert may(stack, role, "s3:DeleteObject", f"{ARN}/a/b") is (after == "delete")


def test_the_task_does_nothing_but_the_job() -> None:
    stack = synthesize(FARGATE)
    actions = {action for action, _ in granted(stack, "TaskRole")}
    assert actions == {
        "s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:PutObject",
        "s3:AbortMultipartUpload", "s3:DeleteObject",
    }  # fmt: skip


def test_the_function_also_logs_and_reports_failures() -> None:
    stack = synthesize()
    assert {pair for pair in granted(stack, "ProcessFunctionRole") if "s3:" not in pair[0]} == {
        ("logs:CreateLogStream", "<JobLogGroup.Arn>"),
        ("logs:PutLogEvents", "<JobLogGroup.Arn>"),
        ("sqs:SendMessage", "<RawFailureQueue.Arn>"),
    }


def test_the_execution_role_pulls_and_logs() -> None:
    repositories = "arn:aws-test:ecr:*:*:repository/*"
    assert granted(synthesize(FARGATE), "ExecutionRole") == {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", repositories),
        ("ecr:BatchGetImage", repositories),
        ("ecr:GetDownloadUrlForLayer", repositories),
        ("logs:CreateLogStream", "<JobLogGroup.Arn>"),
        ("logs:PutLogEvents", "<JobLogGroup.Arn>"),
    }


def test_the_rule_runs_this_family_in_this_cluster_with_these_roles() -> None:
    assert statements(synthesize(FARGATE), "UploadRuleRole") == run_task(synthesize(FARGATE))


def run_task(stack: Stack) -> list[dict[str, Any]]:
    """What it takes to start the stack's own task, and no other."""
    family = stack["TaskDefinition"]["Family"]
    return [
        {
            "Effect": "Allow",
            "Action": "ecs:RunTask",
            "Resource": f"arn:aws-test:ecs:xx-test-9:111122223333:task-definition/{family}:*",
            "Condition": {"ArnEquals": {"ecs:cluster": "<Cluster.Arn>"}},
        },
        {
            "Effect": "Allow",
            "Action": "ecs:TagResource",
            "Resource": "arn:aws-test:ecs:xx-test-9:111122223333:task/<Cluster>/*",
            "Condition": {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": ["<TaskRole.Arn>", "<ExecutionRole.Arn>"],
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    ]


def trust(stack: Stack, role: str) -> dict[str, Any]:
    (statement,) = stack[role]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    return dict(statement)


def test_only_this_rule_may_use_its_role() -> None:
    stack = synthesize(FARGATE)
    statement = trust(stack, "UploadRuleRole")
    rule = f"arn:aws-test:events:xx-test-9:111122223333:rule/{stack['UploadRule']['Name']}"
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnEquals": {"aws:SourceArn": rule},
    }


@pytest.mark.parametrize(
    ("role", "source"),
    [
        ("TaskRole", {"ArnLike": {"aws:SourceArn": "arn:aws-test:ecs:xx-test-9:111122223333:*"}}),
        ("ExecutionRole", {}),
    ],
)
def test_only_tasks_of_this_account_may_use_their_roles(role: str, source: object) -> None:
    """AWS documents the source's ARN for task roles alone (amazon-ecs-developer-guide#208)."""
    statement = trust(synthesize(FARGATE), role)
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    account = {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    assert statement["Condition"] == {**account, **source}


def test_only_lambda_may_use_the_functions_role() -> None:
    statement = trust(synthesize(), "ProcessFunctionRole")
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@every_choice
def test_no_role_has_a_wildcard_that_iam_does_not_force(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    for role in stack.of_type("AWS::IAM::Role"):
        for action, resource in granted(stack, role):
            assert "*" not in action
            assert resource != "*" or action in WITHOUT_RESOURCE


@every_choice
def test_no_role_has_a_policy_of_amazons(choice: dict[str, str]) -> None:
    stack = synthesize(choice, OtherKeyArns="arn:aws-test:kms:xx-test-9:111122223333:key/1")
    own = {f"<{name}>" for name in stack.of_type("AWS::IAM::ManagedPolicy")}
    for role in stack.of_type("AWS::IAM::Role").values():
        assert own.issuperset(role.get("ManagedPolicyArns", []))


@every_choice
def test_a_role_keeps_its_policies_until_it_goes(choice: dict[str, str]) -> None:
    """A policy that names its roles would leave the old one, and its jobs, when Mode changes."""
    for policy in synthesize(choice).of_type("AWS::IAM::ManagedPolicy").values():
        assert not {"Roles", "Users", "Groups"} & policy.keys()


@every_choice
def test_roles_are_named_by_cloudformation(choice: dict[str, str]) -> None:
    """CAPABILITY_IAM is enough, and two stacks don't collide."""
    stack = synthesize(choice)
    for role in stack.of_type("AWS::IAM::Role").values():
        assert "RoleName" not in role
    for policy in stack.of_type("AWS::IAM::ManagedPolicy").values():
        assert "ManagedPolicyName" not in policy
