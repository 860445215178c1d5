"""Launches that fail, and the sweep that makes up for them: real client, real sweep, real jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from plan import Plan
from processing import job
from processing.events import Upload
from processing.settings import Settings
from processing.starters import Fargate
from reconcile import Sweep

from tests.load.ecs import FailingEcs
from tests.load.sizes import LAUNCHED_UPLOADS
from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

SEED = 3
FAILING = 0.3
SETTINGS = Settings(processor=OnBytes(lambda body, content_type: (body.upper(), content_type)))
PLAN = Plan(grace=timedelta(minutes=30), max_attempts=10, rate=1e9)
ENVIRONMENT = {
    "CLUSTER": "c",
    "TASK_DEFINITION": "t",
    "SUBNETS": "subnet-1",
    "SECURITY_GROUP": "sg-1",
    "PUBLIC_IP": "DISABLED",
}


class Bucket:
    """A bucket in memory, what its events did, and a sweep every hour."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.store.clock = lambda: self.now

    def job(self, upload: Upload) -> None:
        job.run(upload, self.store, SETTINGS, log=lambda line: None)

    def upload(self, ecs: FailingEcs) -> None:
        """Everything, with one event each that is not tried again."""
        for number in range(LAUNCHED_UPLOADS):
            key = f"input/{number}"
            self.store.upload(key, f"upload {number}".encode())
            ecs.launch(Upload(self.store.name, key))

    def sweep(self) -> int:
        """Gives how many are left without a result after it."""
        self.now += timedelta(hours=1)
        tasks = Fargate(ENVIRONMENT)
        Sweep(self.store, SETTINGS, lambda *_: tasks, PLAN, now=lambda: self.now).run(self.now)
        return self.without_result()

    def without_result(self) -> int:
        return sum(
            self.store.body(f"output/{n}") != f"UPLOAD {n}".encode()
            for n in range(LAUNCHED_UPLOADS)
        )


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def ecs(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingEcs]:
    with FailingEcs(SEED, FAILING, bucket.job) as failing:
        for name, value in {
            "AWS_ENDPOINT_URL_ECS": failing.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "s",
        }.items():
            monkeypatch.setenv(name, value)
        # Nobody waits here for the client to slow down, nor between its tries.
        slowed = "botocore.retries.adaptive.ClientRateLimiter.on_sending_request"
        monkeypatch.setattr(slowed, lambda limiter, **_: None)
        monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
        yield failing


def test_two_sweeps_make_up_for_failing_launches(
    bucket: Bucket, ecs: FailingEcs, figure: Callable[[str], None]
) -> None:
    """30 % of launches fail, by events and in the first sweep; then they succeed."""
    bucket.upload(ecs)
    by_events = bucket.without_result()
    assert by_events > LAUNCHED_UPLOADS * FAILING / 2
    after_first = bucket.sweep()
    assert 0 < after_first < by_events / 2
    ecs.failing = 0
    assert bucket.sweep() == 0
    counts = ", ".join(f"{count} {what}" for what, count in sorted(ecs.counts.items()))
    figure(
        f"failing launches, seed {SEED}: {LAUNCHED_UPLOADS} uploads ({counts}); without a result: "
        f"{by_events} after the events, {after_first} after the first sweep, 0 after the second"
    )


def test_launches_that_go_on_failing_only_take_longer(
    bucket: Bucket, ecs: FailingEcs, figure: Callable[[str], None]
) -> None:
    bucket.upload(ecs)
    left = [bucket.without_result()]
    while left[-1] and len(left) < 12:
        left.append(bucket.sweep())
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)
    assert not [key for key in bucket.store.versions if key.startswith("rejected/")]
    figure(f"launches that go on failing, seed {SEED}: without a result after each sweep: {left}")
