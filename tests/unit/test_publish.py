"""Several outputs: what is written where, and what can't be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from processing import manifest, publish
from processing.errors import Conflict, Failed, Rejected, StoreError
from processing.exchange import PATIENCE_SECONDS
from processing.manifest import Run, new_run, read_run
from processing.metadata import RUN
from processing.objects import Object
from processing.output import File, Made
from processing.settings import Settings

from tests.support.in_process import OnFiles
from tests.support.memory_store import MemoryStore

NOW = datetime(2026, 1, 9, 10, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PREFIX, NAME, KEY = "files/", "a/b.pdf", "output/a/b.pdf"
METADATA = {"source-version": "v1"}
SETTINGS = Settings(processor=OnFiles(lambda source, outputs: None))


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.clock = lambda: NOW
    store.upload("input/a/b.pdf", b"")
    return store


def made(folder: Path, **contents: bytes) -> Made:
    files = []
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content)
        files.append(File(f"pages/{name}", path, len(content), "text/plain"))
    return Made(tuple(files))


def put(store: MemoryStore, what: Made, replaces: Object | None = None) -> Run:
    run = publish.new_run(store, SETTINGS, KEY, what)
    upload, _ = store.current("input/a/b.pdf")
    publish.put(store, KEY, upload, run, what, METADATA, replaces)
    return run


def under(store: MemoryStore, prefix: str) -> list[str]:
    return [each.key for each in store.listing(prefix)]


def test_one_file_is_the_output_itself(store, tmp_path):
    put(store, made(tmp_path, only=b"1"))
    seen, body = store.current(KEY)
    assert (body, seen.content_type, seen.metadata) == (b"1", "text/plain", METADATA)
    assert under(store, PREFIX) == []


def test_several_files_are_named_by_a_manifest(store, tmp_path):
    run = put(store, made(tmp_path, one=b"1", two=b"22"))
    seen, body = store.current(KEY)
    assert seen.content_type == "application/json"
    assert seen.metadata == METADATA | {RUN: run.id}
    said = json.loads(body)
    assert (said["upload"], said["version"], said["run"]) == ("input/a/b.pdf", "v1", run.id)
    for entry, (name, content) in zip(said["files"], [("one", b"1"), ("two", b"22")], strict=True):
        file, written = store.current(entry["key"])
        assert entry == {
            "name": f"pages/{name}",
            "key": f"files/a/b.pdf/20260109T101112Z-{run.id[-16:]}.run/pages/{name}",
            "size": len(content),
            "etag": file.etag,
            "content_type": "text/plain",
        }
        assert written == content


def test_the_manifest_is_written_last_and_the_files_without_a_look(store, tmp_path):
    run = put(store, made(tmp_path, one=b"1", two=b"2"))
    folder = f"{run.folder}pages/"
    assert store.calls == [("add", f"{folder}one"), ("add", f"{folder}two"), ("put", KEY)]


def test_the_same_files_again_give_another_manifest(store, tmp_path):
    """Else the condition of a slow job's PUT could come true again."""
    what = made(tmp_path, one=b"1", two=b"2")
    put(store, what)
    first, _ = store.current(KEY)
    put(store, what, first)
    second, _ = store.current(KEY)
    assert first.etag != second.etag


def test_who_gives_way_leaves_all_files(store, tmp_path):
    """The manifest may have been written by a try whose reply was lost."""
    what = made(tmp_path, one=b"1", two=b"2")
    put(store, what)
    with pytest.raises(Conflict):
        put(store, what)
    assert len(under(store, PREFIX)) == 4


@pytest.mark.parametrize(("took", "fails"), [(12 * HOUR, False), (12.01 * HOUR, True)])
def test_a_run_that_is_too_old_is_never_named(store, tmp_path, took, fails):
    def pass_time(operation: str, key: str) -> None:
        if operation == "add" and key.endswith("two"):
            store.clock = lambda: NOW + took

    store.before = pass_time
    what = made(tmp_path, one=b"1", two=b"2")
    if not fails:
        put(store, what)
        return
    with pytest.raises(Failed, match="took more than 12:00:00"):
        put(store, what)
    assert store.current(KEY) is None


def test_nothing_is_named_any_more_when_it_counts_as_an_orphan():
    trying = timedelta(seconds=PATIENCE_SECONDS)
    signed = timedelta(minutes=15)
    assert manifest.LONGEST_RUN + trying + signed < manifest.ORPHANED


@pytest.mark.parametrize(
    ("age", "removed"), [(23.9 * HOUR, False), (24 * HOUR, True), (900 * HOUR, True)]
)
def test_the_files_of_a_manifest_that_was_replaced_go_once_nobody_reads_them(
    store, tmp_path, age, removed
):
    put(store, made(tmp_path, one=b"1", two=b"2"))
    other = new_run(PREFIX, "a/b.pdf2", NOW, bytes(8))
    store.upload(f"{other.folder}1", b"")
    seen, _ = store.current(KEY)
    store.clock = lambda: NOW + age
    publish.remove_replaced(store, SETTINGS, seen)
    assert len(under(store, PREFIX)) == (1 if removed else 3)


@pytest.mark.parametrize("metadata", [None, {}])
def test_an_output_that_is_no_manifest_has_no_files_to_remove(store, metadata):
    seen = metadata is not None and Object(KEY, "v", "e", 1, "a/b", metadata, NOW - 900 * HOUR)
    publish.remove_replaced(store, SETTINGS, seen or None)
    assert store.calls == []


def test_files_that_can_not_be_removed_are_said(store, tmp_path):
    run = put(store, made(tmp_path, one=b"1", two=b"2"))

    def refuse(operation: str, key: str) -> None:
        raise StoreError("DeleteObjects", "uploads", key, "AccessDenied: no")

    store.before = refuse
    with pytest.raises(StoreError, match="AccessDenied"):
        publish.remove(store, run)


def file(name: str = "a", size: int = 1) -> File:
    return File(name, Path("nowhere"), size, "a/b")


LONG = "x" * 900


@pytest.mark.parametrize(
    ("name", "files", "reason"),
    [
        (NAME, [file()] * 10_001, "10001 files, more than the limit of 10000"),
        (NAME, [file(size=2**40)], "1099511627776 bytes, more than the limit of 214748364800"),
        (NAME, [file(size=2**37)] * 2, "274877906944 bytes, more than the limit"),
        ("setup.run", [file()] * 2, r"ambiguous with '.run/' in the upload's: name it otherwise"),
        ("a.run/b", [file()] * 2, "ambiguous"),
        (NAME, [file(), file("é" * 500)], "would have 10[0-9]+ bytes, more than the 1024"),
        (LONG, [file(), file("x" * 100)], "more than the 1024 that S3 allows: shorten"),
        (NAME, [file(), file("\udcff")], "no UTF-8: '\\\\udcff'"),
    ],
)
def test_what_can_not_be_written_is_rejected_before_anything_is(store, name, files, reason):
    store.calls.clear()
    with pytest.raises(Rejected, match=reason):
        publish.new_run(store, SETTINGS, f"output/{name}", Made(tuple(files)))
    assert store.calls == []


@pytest.mark.parametrize("name", ["setup.run", "a.run/b", LONG])
def test_one_file_has_no_key_that_could_be_wrong(store, name):
    publish.new_run(store, SETTINGS, f"output/{name}", Made((file("é" * 500),)))


@pytest.mark.parametrize("name", ["", "a", "a/b", "a.run", "a/", "20260101T000000Z-x", "😀 \n"])
def test_a_folder_tells_its_run(name):
    run = new_run(PREFIX, name, NOW, b"12345678")
    assert read_run(PREFIX, run.folder) == run
    assert run.began == NOW


@pytest.mark.parametrize(
    "folder",
    [
        "files/.run/",
        "files/a/b.run/",
        "files/a/20260109T101112Z-1234.run/",
        "files/20260109T101112Z-0123456789abcdef.run/",
        "files/a/20260109T101112Z-0123456789abcdefg.run/",
        "files/a/20261309T101112Z-0123456789abcdef.run/",
        "files/a/00000109T101112Z-0123456789abcdef.run/",
    ],
)
def test_another_folder_is_no_runs(folder):
    assert read_run(PREFIX, folder) is None
