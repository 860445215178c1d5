"""Uploads that no event starts, or whose time is that of their beginning: what the sweep does about
them, with jobs on bytes and on files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from processing import starters
from processing.events import Upload
from processing.folder import Folder
from processing.metadata import SOURCE_VERSION
from processing.output import Source
from processing.settings import Settings

from tests.support.in_process import OnFiles
from tests.support.swept_bucket import BEGAN, SETTINGS, Bucket

UPLOAD = Upload("uploads", "input/a")
DAY = timedelta(days=1)
MOST_COMPARED = 5_000_000_000
"""By EventBridge: with Mode=hybrid, no rule matches what is larger."""


def two_files(source: Source, outputs: Path) -> None:
    for name in ("one", "two"):
        (outputs / name).write_bytes(source.path.read_bytes())


ON_FILES = Settings(processor=OnFiles(two_files))


@pytest.mark.parametrize("settings", [SETTINGS, ON_FILES], ids=["bytes", "files"])
def test_an_upload_whose_parts_began_before_the_last_result_is_not_taken_for_done(settings):
    """S3 gives it the time when its first part was announced (CreateMultipartUpload)."""
    bucket = Bucket(settings)
    bucket.store.upload("input/a", b"a")
    announced = bucket.now
    bucket.now += timedelta(minutes=1)
    bucket.start(UPLOAD)
    bucket.now += DAY
    newer = bucket.store.upload_in_parts("input/a", b"b", announced)
    assert bucket.store.head("output/a").modified > newer.modified
    assert bucket.sweep(examined=BEGAN + DAY) == {"started": 1}
    assert bucket.store.head("output/a").metadata[SOURCE_VERSION] == newer.version
    assert bucket.sweep(examined=BEGAN + DAY) == {"current": 1}


def test_what_is_too_large_for_an_event_is_a_tasks_and_its_size_no_matter(monkeypatch):
    """The limit of a job on files is its disk; MaxBytes is for those on bytes."""
    environment = {"MODE": "hybrid", "THRESHOLD": str(16 * 2**20)}
    monkeypatch.setattr(starters, "Lambda", lambda _: "function")
    monkeypatch.setattr(starters, "tasks", lambda _: "task")
    monkeypatch.setattr(Folder, "free", lambda _: MOST_COMPARED + 1)
    bucket = Bucket(ON_FILES)
    large = bucket.store.upload("input/a", b"a")._replace(size=MOST_COMPARED + 1)
    bucket.store.versions["input/a"][-1] = (large, b"a")
    choose, chosen = starters.by_mode(environment), []

    def choose_and_note(size: int, fallback: bool) -> Bucket:
        chosen.append(choose(size, fallback))
        return bucket

    bucket.choose = choose_and_note
    assert bucket.sweep() == {"started": 1}
    assert chosen == ["task"]
    assert bucket.sweep() == {"current": 1}
