"""Tests that run twice: as processes, and in containers where Docker responds."""

import pytest

from local.scenarios import ONE_OF_EACH_MODE, SCENARIOS

# By way of CloudTrail, the same container gets the same variables: what is about events shows that.
_IN_CONTAINERS = [("docker", "lambda"), ("docker", "fargate")]
EACH_SCENARIO_IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "scenario"),
    [*(("process", scenario) for scenario in SCENARIOS), *_IN_CONTAINERS],
)
IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "scenario"),
    [*(("process", scenario) for scenario in ONE_OF_EACH_MODE), *_IN_CONTAINERS],
)
TASKS_IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "task_scenario"), [("process", "fargate"), ("docker", "fargate")]
)
IN_EACH_ENGINE = pytest.mark.parametrize("scenario", ["lambda", "fargate"])
IN_EACH_MODE = pytest.mark.parametrize("scenario", ONE_OF_EACH_MODE)
IN_EACH_EXECUTOR = pytest.mark.parametrize("executor", ["process", "docker"])
