"""What a sweep does about an upload, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from processing.events import Upload

from tests.support.swept_bucket import BEGAN, GRACE, HOUR


def test_what_has_no_result_is_started_and_then_left_alone(bucket):
    bucket.store.upload("input/a", b"a")
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"A"
    assert bucket.sweep() == {"current": 1}


def test_a_young_upload_is_left_to_its_own_event(bucket):
    bucket.now += HOUR - GRACE + timedelta(seconds=1)
    bucket.store.upload("input/a", b"a")
    bucket.now = BEGAN
    assert bucket.sweep() == {"young": 1}
    assert not bucket.started


def test_folder_markers_and_strange_records_are_no_matter(bucket):
    for key in ("input/", "input/folder/", "rejected/strange", "output/strange"):
        bucket.store.upload(key, b"")
    assert bucket.sweep() == {}


def test_an_output_of_an_older_version_is_none(bucket):
    bucket.store.upload("input/a", b"a")
    bucket.start(Upload("uploads", "input/a"))
    bucket.store.upload("input/a", b"b")
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"B"


def test_an_older_output_that_came_after_the_newer_upload_is_found_out(bucket):
    """Its job was ended before its last look, and the event of the newer version was lost."""
    old = bucket.store.upload("input/a", b"a")
    bucket.now += timedelta(seconds=1)
    bucket.store.upload("input/a", b"b")
    bucket.now += timedelta(seconds=1)
    bucket.store.put("output/a", b"A", "text/plain", {"source-version": old.version}, None)
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"B"


def test_two_results_of_one_upload_become_one(bucket):
    seen = bucket.store.upload("input/a", b"a")
    for key in ("output/a", "rejected/a.json"):
        bucket.store.put(key, b"x", "text/plain", {"source-version": seen.version}, None)
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"x"
    assert bucket.store.body("rejected/a.json") is None


def test_a_young_upload_with_a_result_needs_none(bucket):
    bucket.now += HOUR
    for name in ("a", "b"):
        bucket.store.upload(f"input/{name}", b"x")
    bucket.start(Upload("uploads", "input/a"))
    bucket.now = BEGAN
    assert bucket.sweep() == {"current": 1, "young": 1}


def test_a_dry_run_changes_nothing_and_names_what_it_would_start(bucket):
    bucket.store.upload("input/a", b"a")
    calls = len(bucket.store.calls)
    progress = bucket.run(dry_run=True)
    assert progress.outcomes == {"due": 1}
    assert progress.due == [("input/a", BEGAN.isoformat())]
    assert {operation for operation, _ in bucket.store.calls[calls:]} == {"head"}
    assert not bucket.started


def test_a_job_that_was_started_lately_may_be_under_way(bucket):
    bucket.store.upload("input/a", b"crash")
    assert bucket.sweep() == {"started": 1}
    bucket.now -= HOUR - GRACE / 2
    assert bucket.sweep() == {"waiting": 1}


@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_of_two_sweeps_at_once_one_starts_the_job(bucket, attempts):
    bucket.store.upload("input/a", b"crash")
    for _ in range(attempts):
        bucket.sweep()

    def other(operation: str, key: str) -> None:
        if operation == "put":
            bucket.store.before = None
            bucket.now -= HOUR
            assert bucket.sweep() == {"started": 1}

    bucket.store.before = other
    assert bucket.sweep() == {"waiting": 1}
    assert bucket.started == {"input/a": attempts + 1}


def test_only_what_is_under_the_prefix_is_looked_at(bucket):
    for name in ("2025/a", "2026/a", "2026/b", "2027/a"):
        bucket.store.upload(f"input/{name}", b"x")
    assert bucket.sweep(prefix="2026/") == {"started": 2}
    assert bucket.started.keys() == {"input/2026/a", "input/2026/b"}


def test_a_sweep_without_time_says_where_to_go_on(bucket):
    for number in range(5):
        bucket.store.upload(f"input/{number}", b"x")
    progress = bucket.run(after="1", ends=0)
    assert (progress.after, progress.outcomes) == ("1", {})
    progress = bucket.run(after="1")
    assert (progress.after, progress.outcomes) == (None, {"started": 3})


def test_the_oldest_that_is_left_unsettled_is_named(bucket):
    bucket.store.upload("input/b", b"crash")
    bucket.now += timedelta(seconds=1)
    bucket.store.upload("input/a", b"crash")
    assert bucket.run().unsettled == BEGAN


def test_results_that_were_examined_are_not_looked_at_again(bucket):
    bucket.store.upload("input/a", b"a")
    bucket.start(Upload("uploads", "input/a"))
    assert bucket.sweep() == {"current": 1}
    calls = len(bucket.store.calls)
    assert bucket.sweep(examined=BEGAN + timedelta(seconds=1)) == {"current": 1}
    assert len(bucket.store.calls) == calls
    assert bucket.sweep(examined=BEGAN) == {"current": 1}
    assert len(bucket.store.calls) == calls + 3
