"""A sweep that asks for the results of a JobVersion (`make sweep REPROCESS=1`)."""

from __future__ import annotations

import dataclasses

import pytest
from processing import job, records
from processing.errors import NotStarted
from processing.events import Upload

from tests.support.swept_bucket import HOUR, SETTINGS, Bucket


@pytest.fixture
def bucket() -> Bucket:
    """Three uploads with results of JobVersion 1, one of them a rejection; workers are of 2."""
    bucket = Bucket()
    old = dataclasses.replace(SETTINGS, job_version="1", max_bytes=4)
    for name in ("a", "b", "too long"):
        upload = Upload("uploads", f"input/{name}")
        bucket.store.upload(upload.key, name.encode())
        job.run(upload, bucket.store, old, log=lambda line: None)
    bucket.settings = dataclasses.replace(SETTINGS, job_version="2")
    return bucket


def versions(bucket: Bucket) -> list[str]:
    keys = [key for key in bucket.store.versions if key.startswith(("output/", "rejected/"))]
    found = [bucket.store.current(key) for key in sorted(keys)]
    return [each[0].metadata["job-version"] for each in found if each]


def test_the_schedules_sweep_never_does_it(bucket):
    assert bucket.sweep() == {"current": 3}
    assert versions(bucket) == ["1", "1", "1"]


def test_all_that_has_another_versions_result_is_started_once(bucket):
    assert bucket.sweep(reprocess="2", dry_run=True) == {"due": 3}
    assert versions(bucket) == ["1", "1", "1"]
    assert bucket.sweep(reprocess="2") == {"started": 3}
    assert versions(bucket) == ["2", "2", "2"]
    assert bucket.store.body("rejected/too long.json") is None
    assert bucket.sweep(reprocess="2") == {"current": 3}
    assert bucket.sweep() == {"current": 3}


def test_an_upload_that_is_young_but_has_a_result_is_started_too(bucket):
    bucket.now -= HOUR
    assert bucket.sweep(reprocess="2") == {"started": 3}


def test_who_goes_on_starts_nothing_twice(bucket):
    run_now, bucket.start = bucket.start, lambda upload, job_version: None
    assert bucket.sweep(reprocess="2", prefix="a") == {"started": 1}
    bucket.now -= HOUR
    assert bucket.sweep(reprocess="2") == {"waiting": 1, "started": 2}
    bucket.start = run_now
    assert bucket.sweep(reprocess="2") == {"started": 3}, "an hour later they had their time"


def test_it_is_no_attempt_and_gives_nothing_up(bucket):
    bucket.start = lambda upload, job_version: None
    for _ in range(9):
        assert bucket.sweep(reprocess="2") == {"started": 3}
    upload = Upload("uploads", "input/a")
    seen = bucket.store.head(upload.key)
    attempts, _ = records.attempts(bucket.store, upload, seen.version)
    assert (attempts.made, attempts.reprocess) == (0, "2")
    assert bucket.sweep() == {"current": 3}


def test_what_cant_be_started_is_started_by_the_next_one(bucket):
    bucket.problem = NotStarted("throttled")
    assert bucket.sweep(reprocess="2") == {"not_started": 3}
    bucket.problem = None
    bucket.now -= HOUR
    assert bucket.sweep(reprocess="2") == {"started": 3}


def test_old_workers_leave_it_alone(bucket):
    bucket.settings = dataclasses.replace(SETTINGS, job_version="1")
    assert bucket.sweep(reprocess="2") == {"started": 3}
    assert versions(bucket) == ["1", "1", "1"]


def test_an_upload_without_a_result_is_an_ordinary_start(bucket):
    bucket.store.upload("input/new", b"n")
    assert bucket.sweep(reprocess="2", prefix="new") == {"started": 1}
    upload = Upload("uploads", "input/new")
    seen = bucket.store.head(upload.key)
    attempts, _ = records.attempts(bucket.store, upload, seen.version)
    assert (attempts.made, attempts.reprocess) == (1, "")
