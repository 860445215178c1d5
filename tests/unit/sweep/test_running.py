"""Jobs of hours: the sweep leaves alone what a task runs for."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.unit.sweep.account import (
    starts_of,
)


@pytest.fixture
def long_tasks(tasks, monkeypatch):
    """Those that may take a week."""
    monkeypatch.setenv("TASK_TIMEOUT", "604800")


def test_a_task_that_runs_is_left_alone_for_as_long_as_it_does(long_tasks, handler, store, aws):
    """And nothing else is: what no task runs for is started, however long a task may take."""
    for name in ("runs", "lost"):
        store.upload(f"input/{name}", b"x")
    aws.running = ["input/runs"]
    for _ in range(3):
        said = handler()
    assert said["outcomes"]["running"] == 1
    assert {starts_of(call) for call in aws.calls} == {"input/lost"}
    aws.running = []
    handler()
    assert "input/runs" in map(starts_of, aws.calls)


def test_a_task_that_runs_is_nothing_overdue(long_tasks, handler, store, aws):
    store.upload("input/runs", b"x")
    aws.running = ["input/runs"]
    said = handler(resume=True)
    assert (said["outcomes"], said["unsettled_seconds"]) == ({"running": 1}, 0)


def test_where_nobody_says_what_runs_a_job_has_all_its_time(long_tasks, handler, store, aws):
    store.upload("input/a", b"x")
    reply = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    aws.unknown = ClientError(reply, "ListTasks")
    assert handler()["outcomes"] == {"young": 1}
    aws.unknown = None
    assert handler()["outcomes"] == {"started": 1}


def test_without_a_cluster_a_task_of_the_former_mode_has_all_its_time(handler, store, monkeypatch):
    monkeypatch.setenv("TASK_TIMEOUT", "604800")
    store.upload("input/a", b"x")
    assert handler()["outcomes"] == {"young": 1}


def test_a_task_of_another_bucket_is_none_of_this_ones(tasks, handler, store, aws):
    """BucketName was changed while it ran."""
    store.upload("input/runs", b"x")
    aws.running, aws.tasks_bucket = ["input/runs"], "former"
    assert handler()["outcomes"] == {"started": 1}
