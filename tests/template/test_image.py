"""The image that the stack builds for itself: from its layer, once for each version, by digest."""

from __future__ import annotations

import json

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import FARGATE, Stack, synthesize

OWN = {"Mode": "fargate"}


@pytest.fixture
def stack() -> Stack:
    return synthesize(OWN)


@in_turn("choice", [{}, FARGATE])
def test_nothing_is_built_where_nothing_is_needed(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    for kind in ("AWS::ECR::Repository", "AWS::CodeBuild::Project", "Custom::WorkerImage"):
        assert stack.of_type(kind) == {}


def test_tasks_run_the_image_by_digest(stack: Stack) -> None:
    (worker,) = stack["TaskDefinition"]["ContainerDefinitions"]
    assert worker["Image"] == "<Repository.RepositoryUri>@<WorkerImage.Digest>"


def test_images_are_scanned_never_changed_and_gone_with_the_stack(stack: Stack) -> None:
    repository = stack["Repository"]
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EmptyOnDelete"] is True
    (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["selection"]["countNumber"] == 10


def test_a_new_layer_makes_a_new_image_and_so_does_a_repository_that_has_none(
    stack: Stack,
) -> None:
    """The repository is a new one when KmsKeyArn changes."""
    changing = stack["WorkerImage"].keys() - {"ServiceToken", "ServiceTimeout"}
    assert changing == {"LayerVersionArn", "JobVersion", "Repository"}


def test_the_stack_never_waits_for_ever(stack: Stack) -> None:
    """CloudFormation gives up by itself, and only after the build must have ended."""
    build = stack["ImageBuild"]
    longest = 60 * (build["TimeoutInMinutes"] + build["QueuedTimeoutInMinutes"])
    longest += stack["ResourcesFunction"]["Timeout"]
    assert longest < stack["WorkerImage"]["ServiceTimeout"] <= 3600


def test_the_build_needs_docker(stack: Stack) -> None:
    assert stack["ImageBuild"]["Environment"]["PrivilegedMode"] is True


def statements(stack: Stack, role: str) -> dict[str, object]:
    """Resource by action."""
    return {
        action: statement["Resource"]
        for policy in stack[role]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }


def test_the_function_may_start_this_build_and_look_for_its_image(stack: Stack) -> None:
    allowed = statements(stack, "ResourcesFunctionRole")
    given = {"codebuild:StartBuild": "<ImageBuild.Arn>", "ecr:DescribeImages": "<Repository.Arn>"}
    assert allowed.items() >= given.items()
    assert not given.keys() & statements(synthesize(FARGATE), "ResourcesFunctionRole").keys()


def test_the_build_may_fetch_this_layer_and_push_to_this_repository(stack: Stack) -> None:
    allowed = statements(stack, "ImageBuildRole")
    assert allowed.pop("ecr:GetAuthorizationToken") == "*"
    assert allowed.pop("lambda:GetLayerVersion").endswith(":layer:mazes:*")
    assert {action.split(":")[0] for action in allowed} == {"ecr", "logs"}
    assert set(allowed.values()) == {"<Repository.Arn>", "<ResourcesLogGroup.Arn>"}


def test_tasks_may_pull_from_this_repository_only(stack: Stack) -> None:
    assert statements(stack, "ExecutionRole")["ecr:BatchGetImage"] == "<Repository.Arn>"
