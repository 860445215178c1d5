"""Architecture and Spot: parameters that change a price and nothing else."""

from __future__ import annotations

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import SOURCE, TASKS, refusals, synthesize
from tests.template.test_choices import made

every_engine = in_turn("engine", TASKS.values())
OWN_IMAGE = {"Mode": "hybrid", "MaxTasks": "5"}
"""With all functions, the layer, tasks and the image's build."""


@pytest.mark.parametrize(
    ("architecture", "of_tasks", "of_builds", "image"),
    [
        ("x86_64", "X86_64", "LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
        ("arm64", "ARM64", "ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
    ],
)
def test_all_parts_are_of_one_architecture(
    architecture: str, of_tasks: str, of_builds: str, image: str
) -> None:
    stack = synthesize(OWN_IMAGE, Architecture=architecture)
    functions = stack.of_type("AWS::Lambda::Function")
    assert len(functions) == 5
    for each in functions.values():
        assert each["Architectures"] == [architecture]
    layer = stack.only("AWS::Lambda::LayerVersion")
    assert layer["CompatibleArchitectures"] == [architecture]
    assert stack["TaskDefinition"]["RuntimePlatform"]["CpuArchitecture"] == of_tasks
    build = stack["ImageBuild"]["Environment"]
    assert (build["Type"], build["Image"]) == (of_builds, image)


def test_sam_build_is_told_the_architecture() -> None:
    metadata = SOURCE["Resources"]["ProcessingLayer"]["Metadata"]
    assert metadata["BuildArchitecture"] == {"Ref": "Architecture"}


@every_engine
def test_spot_adds_nothing_that_a_running_task_could_keep(engine: dict[str, str]) -> None:
    """ECS takes no capacity provider from a cluster while a task uses it."""
    assert made({**engine, "Spot": "true"}) == made(engine)


@every_engine
def test_tasks_of_uploads_are_on_spot(engine: dict[str, str]) -> None:
    """ECS refuses a launch type beside a strategy."""
    (target,) = synthesize(engine, Spot="true")["UploadRule"]["Targets"]
    parameters = target["EcsParameters"]
    assert "LaunchType" not in parameters
    strategy = [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
    assert parameters["CapacityProviderStrategy"] == strategy


@every_engine
def test_without_spot_they_are_on_demand(engine: dict[str, str]) -> None:
    (target,) = synthesize(engine)["UploadRule"]["Targets"]
    assert target["EcsParameters"]["LaunchType"] == "FARGATE"
    assert "CapacityProviderStrategy" not in target["EcsParameters"]


@every_engine
@in_turn("spot", ["false", "true"])
def test_a_cluster_has_both_kinds_of_capacity(engine: dict[str, str], spot: str) -> None:
    """Tasks that were queued as Spot's may start after it was switched off, and the other way."""
    cluster = synthesize(engine, Spot=spot)["Cluster"]
    assert cluster["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_a_task_has_the_two_minutes_that_spot_gives() -> None:
    (container,) = synthesize(TASKS["fargate"], Spot="true")["TaskDefinition"][
        "ContainerDefinitions"
    ]
    assert container["StopTimeout"] == 120


def test_the_launch_function_knows_of_spot() -> None:
    stack = synthesize(TASKS["fargate"], Spot="true", MaxTasks="5")
    assert stack["LaunchFunction"]["Environment"]["Variables"]["SPOT"] == "yes"


def test_functions_have_no_spot_capacity() -> None:
    (refusal,) = refusals({"Spot": "true"})
    assert "Spot needs Mode=fargate or hybrid" in refusal


def test_interrupted_jobs_need_the_sweep() -> None:
    (refusal,) = refusals({**TASKS["fargate"], "Spot": "true", "SweepSchedule": ""})
    assert "Spot=true needs SweepSchedule" in refusal
