"""One job on a bucket in memory: outcomes, the order of the calls, and what others do meanwhile."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from processing import job, reports
from processing.errors import Failed, Rejected
from processing.events import Upload
from processing.objects import SMALL, Object
from processing.output import Output
from processing.settings import Settings

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

UPLOAD = Upload("uploads", "input/a/maze.png")
OUTPUT, REJECTION = "output/a/maze.png", "rejected/a/maze.png.json"


def shout(body: bytes, content_type: str) -> Output:
    if body.startswith(b"bad"):
        raise Rejected("it is bad")
    return Output(body.upper(), content_type, pixels=len(body))


SETTINGS = Settings(processor=OnBytes(shout), max_bytes=100, mode="test", job_version="2026-12")


def run(store: MemoryStore, settings: Settings = SETTINGS) -> reports.Report:
    lines: list[str] = []
    try:
        return job.run(UPLOAD, store, settings, log=lines.append)
    finally:
        assert len(lines) == 1
        store.logged = json.loads(lines[0])


def results(store: MemoryStore) -> list[bytes | None]:
    """The output's body, and the reason in the rejection record."""
    record = store.body(REJECTION)
    return [store.body(OUTPUT), json.loads(record)["reason"] if record else None]


def test_an_upload_has_its_output_under_its_own_name():
    store = MemoryStore()
    seen = store.upload(UPLOAD.key, b"maze")
    assert run(store).outcome == "succeeded"
    output, body = store.current(OUTPUT)
    assert body == b"MAZE"
    assert output.content_type == "image/png"
    assert output.metadata == {"source-version": seen.version, "job-version": "2026-12"}


def test_a_plain_pair_is_an_output():
    store = MemoryStore()
    store.upload(UPLOAD.key, b"maze")
    run(store, Settings(processor=OnBytes(lambda body, content_type: (b"pair", "text/plain"))))
    assert store.body(OUTPUT) == b"pair"


def test_a_bad_upload_gets_a_record_that_names_reason_and_version():
    store = MemoryStore()
    seen = store.upload(UPLOAD.key, b"bad")
    assert run(store).outcome == "rejected"
    record = json.loads(store.body(REJECTION))
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "reason": "it is bad",
        "gave_up": False,
        "bucket": "uploads",
        "key": UPLOAD.key,
        "version": seen.version,
        "bytes": 3,
    }
    metadata = {"source-version": seen.version, "job-version": "2026-12"}
    assert store.current(REJECTION)[0].metadata == metadata
    assert store.body(OUTPUT) is None


def test_too_many_bytes_are_rejected_before_they_are_fetched():
    store = MemoryStore()
    store.small = 0
    store.upload(UPLOAD.key, b"x" * 101)
    assert "101 bytes, more than the limit of 100" in run(store).reason
    assert ("get", UPLOAD.key) not in store.calls


def test_what_nobody_here_can_read_is_rejected_with_what_to_do():
    store = MemoryStore()
    seen, body = store.upload(UPLOAD.key, b"maze"), b"maze"
    store.versions[UPLOAD.key] = [(seen._replace(barrier="it has a key of its own"), body)]
    assert run(store).outcome == "rejected"
    assert results(store) == [None, "it has a key of its own"]
    assert ("get", UPLOAD.key) not in store.calls


@pytest.mark.parametrize("body", [b"maze", b"bad"])
def test_a_second_event_changes_nothing(body):
    store = MemoryStore()
    store.upload(UPLOAD.key, body)
    run(store)
    before = {key: list(versions) for key, versions in store.versions.items()}
    assert run(store).outcome == "unchanged"
    assert store.versions == before


def test_an_upload_that_is_gone_ends_quietly():
    assert run(MemoryStore()).outcome == "unchanged"


def test_a_new_version_replaces_the_output():
    store = MemoryStore()
    for body in (b"one", b"two"):
        store.upload(UPLOAD.key, body)
        run(store)
    assert results(store) == [b"TWO", None]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [((b"bad", b"good"), [b"GOOD", None]), ((b"good", b"bad"), [None, "it is bad"])],
)
def test_the_other_result_goes_when_it_is_stale(bodies, expected):
    store = MemoryStore()
    for body in bodies:
        store.upload(UPLOAD.key, body)
        run(store)
    assert results(store) == expected


def test_a_stale_result_that_a_crash_left_is_tidied_by_the_next_job():
    store = MemoryStore()
    store.upload(UPLOAD.key, b"bad")
    run(store)

    def crash(operation: str, key: str) -> None:
        if operation == "delete":
            raise ConnectionError

    store.upload(UPLOAD.key, b"good")
    store.before = crash
    with pytest.raises(ConnectionError):
        run(store)
    store.before = None
    assert run(store).outcome == "unchanged"
    assert results(store) == [b"GOOD", None]


LOOK = ["head output", "head rejection", "look upload"]
NAMES = {OUTPUT: "output", REJECTION: "rejection", UPLOAD.key: "upload"}


def test_the_calls_have_the_order_that_gives_each_upload_one_result():
    """The results before the upload; the write before the delete; the upload again at the end."""
    store = MemoryStore()

    def calls() -> list[str]:
        store.calls.clear()
        run(store)
        return [f"{operation} {NAMES[key]}" for operation, key in store.calls]

    assert calls() == LOOK, "no upload"
    store.upload(UPLOAD.key, b"maze")
    succeeds = [*LOOK, "put output", "head rejection", "head upload"]
    assert calls() == succeeds, "a good upload"
    assert calls() == [*LOOK, "head upload"], "its output is current"
    store.upload(UPLOAD.key, b"bad")
    store.small = 0
    rejects = [*LOOK, "get upload", "put rejection"]
    assert calls() == [*rejects, "delete output", "head output", "head upload"], "bad, and larger"
    assert calls() == [*LOOK, "head upload"], "its rejection is current"
    store.upload(UPLOAD.key, b"x" * 101)
    assert calls() == [*LOOK, "put rejection", "head output", "head upload"], "too many bytes"


@pytest.mark.parametrize("stale", [None, OUTPUT, REJECTION])
def test_an_upload_is_given_up_by_the_same_calls_but_its_get(stale):
    store = MemoryStore()
    if stale:
        store.upload(UPLOAD.key, b"maze" if stale == OUTPUT else b"bad")
        run(store)
    seen = store.upload(UPLOAD.key, b"maze again")
    store.calls.clear()
    lines: list[str] = []
    report = job.reject(UPLOAD, seen.version, "it failed 3 times", store, SETTINGS, lines.append)
    assert (report.outcome, report.reason) == ("rejected", "it failed 3 times")
    assert json.loads(*lines)["version"] == seen.version
    record = json.loads(store.body(REJECTION))
    assert (record["gave_up"], record["version"]) == (True, seen.version)
    assert results(store) == [None, "it failed 3 times"]
    removed = ["delete output"] if stale == OUTPUT else []
    assert [f"{operation} {NAMES[key]}" for operation, key in store.calls] == [
        *(*LOOK, "put rejection", *removed, "head output", "head upload")
    ]


def test_another_version_is_not_given_up_and_has_its_own_output():
    store = MemoryStore()
    older = store.upload(UPLOAD.key, b"maze")
    store.upload(UPLOAD.key, b"another")
    with pytest.raises(Failed, match="it was uploaded again"):
        job.reject(UPLOAD, older.version, "no", store, SETTINGS, log=lambda line: None)
    assert results(store) == [None, None]
    run(store)
    report = job.reject(UPLOAD, older.version, "no", store, SETTINGS, log=lambda line: None)
    assert report.outcome == "unchanged"
    assert results(store) == [b"ANOTHER", None]


CALLS_OF_A_JOB = len([*LOOK, "put", "head the other", "head upload"])
MOMENTS = pytest.mark.parametrize(
    ("small", "at"),
    [(small, at) for small, more in ((SMALL, 0), (0, 1)) for at in range(CALLS_OF_A_JOB + more)],
)
"""Of an upload whose content comes with the first look, and of one that takes a call more."""


@MOMENTS
@pytest.mark.parametrize(
    ("newer", "expected"),
    [(b"newer", [b"NEWER", None]), (b"bad newer", [None, "it is bad"])],
)
def test_an_overwrite_at_any_moment_ends_in_the_newer_result(small, at, newer, expected):
    store = MemoryStore()
    store.small = small
    store.upload(UPLOAD.key, b"older")

    def overwrite(operation: str, key: str) -> None:
        if len(store.calls) == at + 1:
            store.upload(UPLOAD.key, newer)

    store.before = overwrite
    run(store)
    assert results(store) == expected


@MOMENTS
@pytest.mark.parametrize("newer", [b"newer", b"bad newer"])
def test_a_rival_job_at_any_moment_leaves_one_current_result(small, at, newer):
    """Another job of a newer version does all its work between two calls of this one."""
    store = MemoryStore()
    store.small = small
    store.upload(UPLOAD.key, b"older")

    def rival(operation: str, key: str) -> None:
        if len(store.calls) == at + 1:
            store.before = None
            latest = store.upload(UPLOAD.key, newer)
            job.run(UPLOAD, store, SETTINGS, log=lambda line: None)
            expected.append(latest.version)

    expected: list[str] = []
    store.before = rival
    run(store)
    left = [current[0] for key in (OUTPUT, REJECTION) if (current := store.current(key))]
    assert [result.metadata["source-version"] for result in left] == expected


@MOMENTS
def test_an_upload_deleted_at_any_moment_ends_quietly(small, at):
    store = MemoryStore()
    store.small = small
    store.upload(UPLOAD.key, b"maze")

    def remove(operation: str, key: str) -> None:
        if len(store.calls) == at + 1:
            store.remove(UPLOAD.key)

    store.before = remove
    assert run(store).outcome in ("succeeded", "unchanged")


def test_an_upload_that_never_holds_still_fails_to_be_tried_again():
    store = MemoryStore()
    store.upload(UPLOAD.key, b"0")

    def overwrite(operation: str, key: str) -> None:
        if operation == "get":
            store.upload(UPLOAD.key, str(len(store.calls)).encode())

    store.small = 0
    store.before = overwrite
    with pytest.raises(Failed, match="changed meanwhile"):
        run(store)


def test_an_unforeseen_error_rises_and_is_reported_as_failed():
    store = MemoryStore()
    store.upload(UPLOAD.key, b"maze")
    with pytest.raises(ZeroDivisionError):
        run(store, Settings(processor=OnBytes(lambda body, content_type: 1 / 0)))
    assert store.logged["outcome"] == "failed"
    assert store.logged["reason"] == "ZeroDivisionError: division by zero"
    assert results(store) == [None, None]


@pytest.mark.parametrize(("memory_error", "outcome"), [("reject", "rejected"), ("fail", "failed")])
def test_memory_that_runs_out_is_a_rejection_unless_another_engine_has_more(memory_error, outcome):
    def greedy(body, content_type):
        raise MemoryError

    store = MemoryStore()
    store.upload("input/a", b"x")
    lines = []
    settings = Settings(processor=OnBytes(greedy), memory_mib=7, memory_error=memory_error)
    with contextlib.suppress(Failed):
        job.run(Upload("uploads", "input/a"), store, settings, lines.append)
    (report,) = map(json.loads, lines)
    assert report["outcome"] == outcome
    assert "the memory does not suffice to process it (7 MiB)" in report["reason"]


@pytest.mark.parametrize(("memory_error", "outcome"), [("reject", "rejected"), ("fail", "failed")])
def test_an_upload_that_would_not_fit_into_memory_is_not_fetched(memory_error, outcome):
    store = MemoryStore()
    store.small = 0
    store.upload(UPLOAD.key, bytes(2**19 + 1))
    settings = Settings(processor=OnBytes(shout), memory_mib=1, memory_error=memory_error)
    with contextlib.suppress(Failed):
        run(store, settings)
    assert store.logged["outcome"] == outcome
    assert "the memory does not suffice to process it (1 MiB)" in store.logged["reason"]
    assert ("get", UPLOAD.key) not in store.calls


@pytest.mark.parametrize(("memory_error", "outcome"), [("reject", "rejected"), ("fail", "failed")])
def test_an_upload_that_would_not_fit_on_the_disk_is_not_fetched(memory_error, outcome):
    class Large(MemoryStore):
        def look(self, key):
            seen = super().look(key)
            return seen and seen._replace(size=2**60)

    store = Large()
    store.small = 0
    store.upload(UPLOAD.key, b"x")
    settings = Settings(processor=OnBytes(shout), memory_error=memory_error)
    with contextlib.suppress(Failed):
        run(store, settings)
    assert store.logged["outcome"] == outcome
    assert "the disk does not suffice to process it" in store.logged["reason"]
    assert ("get", UPLOAD.key) not in store.calls


def test_its_folder_is_made_and_removed_while_s3_responds(tmp_path: Path):
    folders: list[tuple[str, int]] = []

    class Watched(MemoryStore):
        def heads(self, keys: Iterable[str]) -> Iterator[Object | None]:
            folders.append(("asked", len(list(tmp_path.iterdir()))))
            return self._responses(super().heads(keys))

        def _responses(self, found: Iterable[Object | None]) -> Iterator[Object | None]:
            folders.append(("waited for", len(list(tmp_path.iterdir()))))
            yield from found

    store = Watched()
    store.upload(UPLOAD.key, b"maze")
    assert run(store, replace(SETTINGS, disk=tmp_path)).outcome == "succeeded"
    assert folders == [("asked", 0), ("waited for", 1), ("asked", 1), ("waited for", 0)]
