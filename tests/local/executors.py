"""Tests that run twice: as processes, and in containers where Docker responds."""

import pytest

from local.scenarios import SCENARIOS

# By way of CloudTrail, the same container gets the same variables: one upload shows that.
IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "scenario"),
    [
        *(("process", scenario) for scenario in SCENARIOS),
        ("docker", "lambda"),
        ("docker", "fargate"),
    ],
)
TASKS_IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "task_scenario"),
    [("process", "fargate"), ("process", "cloudtrail"), ("docker", "fargate")],
)
IN_EACH_EXECUTOR = pytest.mark.parametrize("executor", ["process", "docker"])
