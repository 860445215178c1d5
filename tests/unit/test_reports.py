"""The report of a job: a line of the log, whatever is in it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from processing import job, reports
from processing.errors import Failed, Rejected
from processing.events import Upload
from processing.output import Output
from processing.settings import Settings

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

UPLOAD = Upload("uploads", "input/a")


def reported(processor: Callable, store: MemoryStore, upload: Upload = UPLOAD) -> str:
    """The line that a job logs, whatever becomes of it."""
    lines: list[str] = []
    settings = Settings(processor=OnBytes(processor), mode="fargate", job_version="2026-12")
    with contextlib.suppress(Failed):
        job.run(upload, store, settings, lines.append)
    (line,) = lines
    return line


def succeed(body: bytes, content_type: str) -> Output:
    return Output(body, content_type, pixels=4)


def reject(body: bytes, content_type: str) -> Output:
    raise Rejected("it is bad")


@pytest.mark.parametrize(("processor", "pixels"), [(succeed, 4), (reject, None)])
def test_a_report_has_the_fields_of_the_contract(processor, pixels):
    store = MemoryStore()
    seen = store.upload(UPLOAD.key, b"maze")
    report = json.loads(reported(processor, store))
    assert list(report) == [
        "outcome", "bucket", "key", "version", "bytes", "pixels", "milliseconds",
        "seconds_since_upload", "mode", "job_version", "reason",
    ]  # fmt: skip
    assert (report["bucket"], report["key"], report["version"]) == (*UPLOAD, seen.version)
    assert (report["bytes"], report["pixels"]) == (4, pixels)
    assert (report["mode"], report["job_version"]) == ("fargate", "2026-12")


STRANGE = [
    "\ud83d",
    "\0\x1b[2J",
    "\ufffe",
    "x" * 100_000,
    "\N{MUSICAL SYMBOL G CLEF}" * 5000,
    "\0" * 5000,
]


@pytest.mark.parametrize("said", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize("kind", [Rejected, Failed])
def test_whatever_a_reason_is_made_of_it_loses_no_report_and_no_job(said, kind):
    def fail(body, content_type):
        raise kind(f"because {said}")

    store, upload = MemoryStore(), Upload("u" * 63, "input/" + "\x01" * 1017)
    store.upload(upload.key, b"x")
    line = reported(fail, store, upload)
    # The log driver of a task may cut what is longer in two.
    assert len(line.encode()) < 16 * 1024
    report = reports.read(line)
    assert report["outcome"] == ("rejected" if kind is Rejected else "failed")
    assert "because " in report["reason"] and len(report["reason"]) <= 2000
    if kind is Rejected:
        (record,) = [store.body(name) for name in store.versions if name.startswith("rejected/")]
        assert json.loads(record)["reason"] == report["reason"]


def test_a_line_that_json_gives_up_is_no_report():
    assert reports.read("[" * 100_000) is None
