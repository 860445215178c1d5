"""A start that asks for the results of a JobVersion: which workers do a job again."""

from __future__ import annotations

import dataclasses

import pytest
from processing import events, job
from processing.events import Upload
from processing.settings import Settings

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

UPLOAD = Upload("uploads", "input/a")


def worker(version: str) -> Settings:
    """Whose outputs name it."""
    said = version.encode()
    return Settings(processor=OnBytes(lambda body, kind: (said, kind)), job_version=version)


def run(store: MemoryStore, version: str, reprocess: str | None = None) -> str:
    settings = worker(version)
    return job.run(UPLOAD, store, settings, lambda line: None, reprocess=reprocess).outcome


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.upload(UPLOAD.key, b"x")
    assert run(store, "1") == "succeeded"
    return store


@pytest.mark.parametrize("reprocess", [None, "1", "3", ""])
def test_a_worker_takes_another_versions_result_for_current_unless_its_own_is_asked_for(
    store, reprocess
):
    assert run(store, "2", reprocess) == "unchanged"
    assert store.body("output/a") == b"1"


def test_a_worker_of_the_version_asked_for_does_the_job_again_once(store):
    assert run(store, "2", "2") == "succeeded"
    assert store.body("output/a") == b"2"
    assert store.current("output/a")[0].metadata["job-version"] == "2"
    assert run(store, "2", "2") == "unchanged"
    assert run(store, "1", "2") == "unchanged", "an old worker leaves a new one's result alone"


def test_a_rejection_of_another_version_is_reconsidered(store):
    store.upload(UPLOAD.key, b"y")
    refused = dataclasses.replace(worker("1"), max_bytes=0)
    assert job.run(UPLOAD, store, refused, lambda line: None).outcome == "rejected"
    assert run(store, "2") == "unchanged"
    assert run(store, "2", "2") == "succeeded"
    assert store.body("rejected/a.json") is None


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        ({"detail": {"object": {"key": "input/a", "job-version": "2"}}}, "2"),
        ({"detail": {"object": {"key": "input/a"}}}, None),
        ({"detail": {"object": {"key": "input/a", "job-version": 2}}}, None),
        ({"Records": []}, None),
    ],
)
def test_only_a_start_of_the_sweep_asks_for_one(event, wanted):
    assert events.reprocess(event) == wanted
