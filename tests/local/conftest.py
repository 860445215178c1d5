"""The embedded AWS with a stack for each scenario: one for all tests, that runs jobs as processes,
and for some tests a second one, that runs them in containers."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO

import boto3
import pytest

from local import bases
from local.aws import REGION, EmbeddedAws
from local.executor import Executor, containers, no_docker
from local.image import build_image
from local.pipeline import Pipeline
from local.scenarios import SCENARIOS
from mazes import pictures
from operate import tasks

# What a shell runs in the background ignores SIGINT and hands that on to its children, which the
# tests interrupt: they are to be as if from a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as started:
        yield started


@pytest.fixture(scope="session")
def default_session() -> boto3.Session:
    """One for all tests: each reads the models of its services anew."""
    return boto3.Session()


@pytest.fixture
def default_account(
    aws: EmbeddedAws, default_session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded AWS as the account and region that a user's own settings choose."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", default_session)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the end of tasks: here a rule that was disabled starts none."""
    monkeypatch.setattr(tasks, "QUIET_SECONDS", 1)
    monkeypatch.setattr(tasks, "SECONDS_BETWEEN", 0.2)


@pytest.fixture(scope="session")
def containers_executor() -> Iterator[Executor]:
    """Docker, with images of our own."""
    if reason := no_docker():
        pytest.skip(f"needs Docker: {reason}")
    try:
        worker_base, function_image = bases.worker_base(), bases.lambda_base()
    except bases.NoBase as error:
        pytest.skip(f"no base image: {error}")
    image = f"worker:tests-{os.getpid()}"
    build_image(image, worker_base)
    yield containers(image, function_image)
    subprocess.run(["docker", "rmi", "--force", image], check=True, capture_output=True)


@pytest.fixture(scope="session")
def aws_in_containers(containers_executor: Executor) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(containers_executor) as started:
        yield started


@pytest.fixture(scope="session")
def pipelines(aws: EmbeddedAws) -> dict[str, Pipeline]:
    return deploy(aws)


@pytest.fixture(scope="session")
def pipelines_in_containers(aws_in_containers: EmbeddedAws) -> dict[str, Pipeline]:
    return deploy(aws_in_containers)


def deploy(aws: EmbeddedAws) -> dict[str, Pipeline]:
    stacks = aws.deploy_all({f"test-{name}": chosen for name, chosen in SCENARIOS.items()})
    return {name: Pipeline(aws, f"test-{name}", stacks[f"test-{name}"]) for name in SCENARIOS}


@pytest.fixture
def executor() -> str:
    """Where the jobs of a test run. Tests with a parameter of this name choose otherwise."""
    return "process"


@pytest.fixture
def pipelines_here(executor: str, request: pytest.FixtureRequest) -> dict[str, Pipeline]:
    """The pipelines of the test's executor."""
    of_executor = {"process": "pipelines", "docker": "pipelines_in_containers"}
    found: dict[str, Pipeline] = request.getfixturevalue(of_executor[executor])
    return found


@pytest.fixture(params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def pipeline(scenario: str, pipelines_here: dict[str, Pipeline]) -> Iterator[Pipeline]:
    """The pipeline of each scenario in turn; what failed in it must be what the test made fail."""
    yield pipelines_here[scenario]
    assert pipelines_here[scenario].failures() == []


@pytest.fixture(params=[name for name, chosen in SCENARIOS.items() if chosen["Mode"] == "fargate"])
def task_scenario(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def task_pipeline(task_scenario: str, pipelines_here: dict[str, Pipeline]) -> Iterator[Pipeline]:
    """The pipelines that run tasks."""
    yield pipelines_here[task_scenario]
    assert pipelines_here[task_scenario].failures() == []


@pytest.fixture(scope="session")
def maze() -> Callable[[int], bytes]:
    """PNG files of small mazes, another one for each seed."""

    def make(seed: int = 0) -> bytes:
        file = BytesIO()
        pictures.maze(40, 40, seed=seed).save(file, "PNG")
        return file.getvalue()

    return make
