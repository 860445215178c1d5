"""Which uploads are the sweep's, and what it does with those that nobody needs any more."""

from __future__ import annotations

import dataclasses

import pytest
from processing.events import Upload

from tests.support.memory_store import MemoryStore
from tests.support.swept_bucket import SETTINGS, Bucket


def chosen(**settings: str) -> Bucket:
    return Bucket(dataclasses.replace(SETTINGS, **settings))


def test_what_does_not_end_in_the_suffix_is_nobodys():
    bucket = chosen(input_suffix=".pdf")
    for name in ("a.pdf", "a.PDF", "a.pdf.png", ".pdf", "b/.pdf", "pdf"):
        bucket.store.upload(f"input/{name}", b"x")
    assert bucket.sweep() == {"started": 3}
    assert set(bucket.started) == {"input/a.pdf", "input/.pdf", "input/b/.pdf"}
    assert bucket.sweep() == {"current": 3}


@pytest.mark.parametrize("versioned", [True, False])
def test_an_upload_whose_job_was_killed_before_it_deleted_it_is_deleted(versioned):
    bucket = chosen(after_success="delete")
    bucket.store = MemoryStore(versioned=versioned)
    bucket.store.clock = lambda: bucket.now
    bucket.store.upload("input/a", b"x")
    bucket.store.before = lambda operation, key: _die(operation, key)
    with pytest.raises(Killed):
        bucket.start(Upload("uploads", "input/a"))
    bucket.store.before = None
    assert bucket.store.body("input/a") == b"x"
    assert bucket.sweep(dry_run=True) == {"current": 1}
    assert bucket.sweep() == {"deleted": 1}
    assert bucket.sweep() == {}
    assert bucket.store.body("output/a") == b"X"


def test_versions_that_were_processed_and_deleted_start_nothing_ever_after():
    bucket = chosen(after_success="delete")
    for body in (b"1", b"2"):
        bucket.store.upload("input/a", body)
        bucket.start(Upload("uploads", "input/a"))
    bucket.started.clear()
    assert [bucket.sweep() for _ in range(10)] == [{}] * 10
    assert (bucket.started, bucket.store.body("output/a")) == ({}, b"2")


class Killed(BaseException):
    """The worker is gone."""


def _die(operation: str, key: str) -> None:
    if (operation, key) == ("delete", "input/a"):
        raise Killed
