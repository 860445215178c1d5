"""What goes wrong with one upload stops no other, unless it goes wrong with all."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from processing.errors import NotStarted, StoreError
from processing.events import Upload
from processing.objects import Listed
from reconcile import Sweep
from walk import FAILURES_IN_A_ROW, LEFT_OPEN

from tests.support.swept_bucket import BEGAN, HOUR, PLAN, SETTINGS


def test_a_start_that_did_not_come_about_is_no_attempt(bucket):
    bucket.store.upload("input/a", b"a")
    bucket.problem = NotStarted("throttled")
    for _ in range(5):
        progress = bucket.run()
        assert progress.outcomes == {"not_started": 1}
        assert progress.problem == "input/a: throttled"
    bucket.problem = None
    assert bucket.sweep() == {"started": 1}


def test_a_start_that_is_refused_is_no_attempt_and_stops_no_other(bucket):
    """As by a ClientError: it may be this upload's alone."""
    for name in ("a", "b"):
        bucket.store.upload(f"input/{name}", b"x")
    start = bucket.start

    def refuse(upload: Upload, job_version: str | None) -> None:
        if upload.key == "input/a":
            raise PermissionError("lambda:InvokeFunction")
        start(upload)

    bucket.start = refuse
    assert bucket.sweep() == {"failed": 1, "started": 1}
    for _ in range(5):
        progress = bucket.run()
        assert progress.outcomes == {"failed": 1, "current": 1}
        assert progress.problem == "input/a: lambda:InvokeFunction"
    bucket.start = start
    assert bucket.sweep() == {"started": 1, "current": 1}


def test_many_that_fail_in_a_row_stop_the_sweep_which_goes_on_after_them(bucket):
    for number in range(1000):
        bucket.store.upload(f"input/{number:04}", b"x")
    bucket.problem = PermissionError("lambda:InvokeFunction")
    progress = bucket.run()
    assert progress.stopped
    failed = progress.outcomes["failed"]
    assert progress.outcomes == {"failed": failed}
    # Some may have been looked at before the last of them was counted.
    assert FAILURES_IN_A_ROW <= failed <= FAILURES_IN_A_ROW + LEFT_OPEN
    assert progress.after == f"{failed - 1:04}"
    bucket.problem = None
    progress = bucket.run(after=progress.after)
    assert (progress.after, progress.stopped) == (None, False)
    assert progress.outcomes == {"started": 1000 - failed}


def test_failures_are_counted_in_the_order_of_the_uploads(bucket):
    """Though each is looked at in a thread of its own, and the first one takes longest."""
    for name in ("a", "b", "c"):
        bucket.store.upload(f"input/{name}", b"x")
    last_is_done = threading.Event()

    def refuse(operation: str, key: str) -> None:
        if key == "input/a":
            assert last_is_done.wait(300)
        if key == "input/c":
            last_is_done.set()
        if key.startswith("input/"):
            raise StoreError("HeadObject", "uploads", key, "403")

    bucket.store.before = refuse
    progress = bucket.run()
    assert progress.outcomes == {"failed": 3}
    assert progress.problem.startswith("input/c: ")


def test_failures_between_others_stop_nothing(bucket):
    for number in range(500):
        bucket.store.upload(f"input/{number:04}", b"x")

    def refuse(operation: str, key: str) -> None:
        if key.startswith("input/") and not key.endswith("0"):
            raise StoreError("HeadObject", "uploads", key, "403")

    bucket.store.before = refuse
    assert bucket.sweep() == {"failed": 450, "started": 50}


def test_what_concerns_all_is_raised_and_the_place_is_known(bucket):
    for number in range(300):
        bucket.store.upload(f"input/{number:04}", b"x")
    listing = bucket.store.listing

    def denied_at_last(prefix: str, after: str) -> Iterator[Listed]:
        yield from itertools.islice(listing(prefix, after), 280)
        if prefix == "input/":
            raise StoreError("ListBucket", "uploads", prefix, "403 AccessDenied")

    bucket.store.listing = denied_at_last
    bucket.now += HOUR
    run = Sweep(bucket.store, SETTINGS, lambda *_: bucket, PLAN, now=lambda: bucket.now)
    with pytest.raises(StoreError, match="403 AccessDenied"):
        run.run(bucket.now)
    assert run.progress.after == "0278"
    assert run.progress.outcomes == {"started": 279}


def test_an_upload_that_s3_refuses_does_not_stop_the_others(bucket):
    for name in ("a", "b", "c"):
        bucket.store.upload(f"input/{name}", b"x")

    def refuse(operation: str, key: str) -> None:
        if key == "input/b":
            raise StoreError("HeadObject", "uploads", key, "503 SlowDown")

    bucket.store.before = refuse
    progress = bucket.run()
    assert progress.outcomes == {"started": 2, "failed": 1}
    assert progress.problem == "input/b: s3:HeadObject on uploads/input/b: 503 SlowDown"
    assert progress.unsettled == BEGAN
