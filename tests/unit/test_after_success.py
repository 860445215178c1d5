"""AfterSuccess=delete: an upload goes when its output is there, and only then."""

from __future__ import annotations

import dataclasses

import pytest
from processing import job
from processing.errors import StoreError
from processing.events import Upload
from processing.settings import Settings

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

UPLOAD = Upload("uploads", "input/a")
SETTINGS = Settings(
    processor=OnBytes(lambda body, kind: (body.upper(), kind)), max_bytes=9, after_success="delete"
)


def run(store: MemoryStore, settings: Settings = SETTINGS) -> str:
    return job.run(UPLOAD, store, settings, log=lambda line: None).outcome


@pytest.fixture(params=[True, False], ids=["versions", "no versions"])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    return MemoryStore(versioned=request.param)


def test_an_upload_is_deleted_after_its_output_is_there(store):
    store.upload(UPLOAD.key, b"x")
    assert run(store) == "succeeded"
    assert (store.body(UPLOAD.key), store.body("output/a")) == (None, b"X")
    assert store.calls[-1] == ("delete", UPLOAD.key)
    assert run(store) == "unchanged"
    assert store.body("output/a") == b"X"


def test_a_rejected_upload_stays(store):
    store.upload(UPLOAD.key, b"more than nine")
    assert run(store) == "rejected"
    assert run(store) == "unchanged"
    assert store.body(UPLOAD.key)


def test_a_job_that_comes_after_one_that_was_killed_deletes_it(store):
    store.upload(UPLOAD.key, b"x")
    run(store, dataclasses.replace(SETTINGS, after_success="keep"))
    assert run(store) == "unchanged"
    assert store.body(UPLOAD.key) is None


def test_what_is_uploaded_at_that_moment_is_not_deleted_but_processed(store):
    store.upload(UPLOAD.key, b"x")

    def overtake(operation: str, key: str) -> None:
        if (operation, key) == ("delete", UPLOAD.key):
            store.before = None
            store.upload(UPLOAD.key, b"y")

    store.before = overtake
    assert run(store) == "succeeded"
    assert (store.body(UPLOAD.key), store.body("output/a")) == (None, b"Y")


def test_a_version_before_does_not_come_back_to_life():
    store = MemoryStore()
    for body in (b"1", b"2"):
        store.upload(UPLOAD.key, body)
    assert run(store) == "succeeded"
    assert store.versions[UPLOAD.key][-1] is None, "a delete marker"
    assert len(store.versions[UPLOAD.key]) == 3


def test_a_bucket_that_is_gone_is_no_upload_that_is_gone():
    class Gone(MemoryStore):
        def listing(self, prefix, after=""):
            raise StoreError("ListBucket", self.name, prefix, "404 NoSuchBucket: gone")

    with pytest.raises(StoreError, match="NoSuchBucket"):
        run(Gone())
