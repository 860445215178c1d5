"""One embedded AWS for all tests here, with a stack for each scenario."""

from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from bench import pictures
from local.aws import REGION, EmbeddedAws
from local.pipeline import Pipeline
from local.scenarios import SCENARIOS


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as started:
        yield started


@pytest.fixture
def default_account(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded AWS as the account and region that a user's own settings choose."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="session")
def pipelines(aws: EmbeddedAws) -> dict[str, Pipeline]:
    stacks = aws.deploy_all({f"test-{name}": chosen for name, chosen in SCENARIOS.items()})
    return {name: Pipeline(aws, f"test-{name}", stacks[f"test-{name}"]) for name in SCENARIOS}


@pytest.fixture(params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def pipeline(scenario: str, pipelines: dict[str, Pipeline]) -> Iterator[Pipeline]:
    """The pipeline of each scenario in turn; what failed in it must be what the test made fail."""
    yield pipelines[scenario]
    assert pipelines[scenario].failures() == []


@pytest.fixture(params=[name for name in SCENARIOS if name != "lambda"])
def task_pipeline(
    request: pytest.FixtureRequest, pipelines: dict[str, Pipeline]
) -> Iterator[Pipeline]:
    """The pipelines that run tasks."""
    yield pipelines[request.param]
    assert pipelines[request.param].failures() == []


@pytest.fixture(scope="session")
def maze() -> Callable[[int], bytes]:
    """PNG files of small mazes, another one for each seed."""

    def make(seed: int = 0) -> bytes:
        file = BytesIO()
        pictures.maze(40, 40, seed=seed).save(file, "PNG")
        return file.getvalue()

    return make
