"""GitHub's workflows: nothing but make targets, with no more rights than they need."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.supply import tool

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {*re.findall(r"(?m)^([a-z-]+):.*## ", MAKEFILE)}


def read(file: Path) -> dict[str, Any]:
    """BaseLoader: to any other, the key `on` is true."""
    workflow: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.BaseLoader)
    return workflow


WORKFLOWS = {file.stem: read(file) for file in FILES}
JOBS = [
    pytest.param(job, id=f"{workflow}-{name}")
    for workflow, content in WORKFLOWS.items()
    for name, job in content["jobs"].items()
]


def runs(*workflows: str) -> Iterator[str]:
    for workflow in workflows:
        for job in WORKFLOWS[workflow]["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


def test_the_workflows_are_these() -> None:
    assert WORKFLOWS.keys() == {"test", "deploy-test"}


def test_they_follow_githubs_schema() -> None:
    check = tool("check-jsonschema")
    ran = subprocess.run(
        [check, "--builtin-schema", "vendor.github-workflows", *FILES],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("command", [*runs(*WORKFLOWS)])
def test_each_command_is_one_make_target(command: str) -> None:
    """With variables that the Makefile reads; an expression would let an input be a command."""
    make, target, *variables = command.split(" ")
    assert (make, target in TARGETS) == ("make", True)
    for variable in variables:
        name, _, value = variable.partition("=")
        assert f"$({name})" in MAKEFILE
        assert re.fullmatch(r"\w+", value)


def test_each_push_runs_what_the_readme_names() -> None:
    assert {"make lint", "make test", "make demo", "make licences"} <= {*runs("test")}


def test_a_push_gets_no_account() -> None:
    workflow = WORKFLOWS["test"]
    assert workflow["permissions"] == {"contents": "read"}
    assert not [job for job in workflow["jobs"].values() if "permissions" in job]
    assert workflow["on"].keys() == {"push", "pull_request"}


def test_deployments_are_started_by_hand() -> None:
    assert WORKFLOWS["deploy-test"]["on"].keys() == {"workflow_dispatch"}


def test_a_deployment_may_only_read_the_code_and_ask_for_a_token() -> None:
    assert WORKFLOWS["deploy-test"]["permissions"] in ({}, "{}")
    for job in WORKFLOWS["deploy-test"]["jobs"].values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert job["environment"] == "deploy-test"


def test_a_stack_is_deleted_whatever_happened_before() -> None:
    *_, last = WORKFLOWS["deploy-test"]["jobs"]["stack"]["steps"]
    assert last == {"run": "make destroy YES=1", "if": "always()"}
    assert WORKFLOWS["deploy-test"]["concurrency"]["cancel-in-progress"] == "false"


def test_one_image_is_built_at_a_time() -> None:
    """A new account may be allowed one build of CodeBuild."""
    jobs = WORKFLOWS["deploy-test"]["jobs"]
    assert jobs["stack"]["strategy"]["max-parallel"] == "1"
    assert jobs["taskcat"]["needs"] == "stack"
    assert "!cancelled()" in jobs["taskcat"]["if"]


def test_each_scenario_is_deployed_in_a_stack_of_its_own() -> None:
    from local.scenarios import SCENARIOS

    stack = WORKFLOWS["deploy-test"]["jobs"]["stack"]
    deployed = {
        each["name"]: (each["mode"], each["event_source"])
        for each in stack["strategy"]["matrix"]["include"]
    }
    assert deployed == {
        name: (chosen["Mode"], chosen.get("EventSource", "s3"))
        for name, chosen in SCENARIOS.items()
    }
    assert "${{ matrix.name }}" in stack["env"]["STACK"]


@pytest.mark.parametrize("variable", WORKFLOWS["deploy-test"]["jobs"]["stack"]["env"])
def test_make_reads_each_variable_of_the_environment(variable: str) -> None:
    assert re.search(rf"(?m)^{variable} \?=", MAKEFILE)


@pytest.mark.parametrize("job", JOBS)
def test_each_job_ends_in_time_on_a_named_system(job: dict[str, Any]) -> None:
    assert 0 < int(job["timeout-minutes"]) <= 120
    assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"])


@pytest.mark.parametrize("job", JOBS)
def test_the_checkout_keeps_no_credentials(job: dict[str, Any]) -> None:
    first = job["steps"][0]
    assert first["uses"].startswith("actions/checkout@")
    assert first["with"] == {"persist-credentials": "false"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_secret_is_stored(file: Path) -> None:
    assert not re.search(r"{{[^}]*\bsecrets\b|access-key|AKIA", file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_action_is_pinned_by_hash(file: Path) -> None:
    found = re.findall(r"(?m)^\s+- uses: ([\w/-]+)@(\S+)(.*)$", file.read_text())
    assert len(found) == file.read_text().count("uses:")
    for action, version, comment in found:
        assert re.fullmatch("[0-9a-f]{40}", version), action
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), action


def test_an_action_has_one_version_everywhere() -> None:
    text = "".join(file.read_text() for file in FILES)
    found = {*re.findall(r"uses: ([\w/-]+)@(\S+)", text)}
    assert len(found) == len({action for action, _ in found})
