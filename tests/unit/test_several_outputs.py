"""Jobs with several outputs, by themselves and beside the cleaner: one accident at a time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from orphans import Cleaner
from processing import job, metadata
from processing.errors import Failed, Rejected
from processing.events import Upload
from processing.manifest import ORPHANED
from processing.metadata import RUN
from processing.output import Source
from processing.settings import Settings

from tests.support.in_process import OnFiles
from tests.support.memory_store import MemoryStore

UPLOAD = Upload("uploads", "input/a")
HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def split(source: Source, outputs: Path) -> None:
    """A file for each word."""
    words = source.path.read_text().split()
    if "bad" in words:
        raise Rejected("it is bad")
    (outputs / "words").mkdir()
    for number, word in enumerate(words):
        (outputs / f"words/{number}").write_text(word)


SETTINGS = Settings(processor=OnFiles(split))


class Killed(BaseException):
    pass


class World:
    """A bucket with one upload."""

    def __init__(self, text: str = "one two three") -> None:
        self.store = MemoryStore()
        self.time = BEGAN
        self.store.clock = lambda: self.time
        self.upload(text)

    def upload(self, text: str) -> None:
        self.store.upload("input/a", text.encode(), "text/plain")

    def job(self) -> str:
        return job.run(UPLOAD, self.store, SETTINGS, log=lambda _: None).outcome

    def clean(self) -> None:
        Cleaner(self.store, SETTINGS, self.time).run()

    def before(self, number: int, do: Callable[[], None]) -> None:
        """Something that happens before the call of this number, counted from now on."""
        calls = itertools.count()

        def count(operation: str, key: str) -> None:
            if next(calls) == number:
                self.store.before = None
                do()

        self.store.before = count

    def files(self) -> list[str]:
        return [each.key for each in self.store.listing("files/")]

    def read(self) -> str | None:
        """What whoever follows the manifest reads."""
        output = self.store.current("output/a")
        if output is None:
            return None
        seen, body = output
        if RUN not in seen.metadata:
            return body.decode()
        keys = [each["key"] for each in json.loads(body)["files"]]
        return " ".join((self.store.body(key) or b"MISSING").decode() for key in keys)


def kill() -> None:
    raise Killed


CALLS = ["head", "head", "look", "add", "add", "add", "put", "head", "head"]


def test_a_job_makes_these_calls() -> None:
    world = World()
    assert world.job() == "succeeded"
    assert [operation for operation, _ in world.store.calls] == CALLS


@pytest.mark.parametrize("number", range(len(CALLS)))
@pytest.mark.parametrize("before", ["nothing", "old words", "bad"])
def test_killed_between_any_two_calls_a_job_leaves_all_or_nothing(before, number) -> None:
    """And the next one puts it right; a day later nothing else is left."""
    world = World(before)
    world.job()
    seen = world.read()
    world.time += HOUR
    world.upload("one two three")
    world.before(number, kill)
    with pytest.raises(Killed):
        world.job()
        kill()  # of a job with fewer calls
    assert world.read() in (seen, "one two three")
    world.job()
    assert world.read() == "one two three"
    world.time += ORPHANED + HOUR
    world.clean()
    assert world.read() == "one two three"
    assert len(world.files()) == 3


def test_a_worker_that_goes_on_after_the_cleaner_names_nothing() -> None:
    world = World()

    def stand_still() -> None:
        world.time += 60 * HOUR
        world.clean()
        assert world.files() == []

    world.before(CALLS.index("add") + 2, stand_still)
    with pytest.raises(Failed, match="took more than 12:00:00"):
        world.job()
    assert world.read() is None
    world.job()
    assert world.read() == "one two three"
    world.time += ORPHANED
    world.clean()
    assert len(world.files()) == 3


def test_a_worker_that_stands_still_while_processing_has_all_its_time() -> None:
    """What takes long is the job; how long the files may take is counted after it."""
    world = World()
    world.store.small = 0
    get = CALLS.index("look") + 1
    world.before(get, lambda: setattr(world, "time", BEGAN + 60 * HOUR))
    assert world.job() == "succeeded"


@pytest.mark.parametrize("text", ["one two three", "other words"])
def test_an_upload_that_was_deleted_and_made_again_has_its_own_files(text) -> None:
    world = World()
    world.job()
    world.store.remove("input/a")
    assert world.job() == "unchanged"
    world.upload(text)
    world.job()
    assert world.read() == text
    seen, _ = world.store.current("output/a")
    current, _ = world.store.current("input/a")
    assert seen.metadata[metadata.SOURCE_VERSION] == current.version
    world.time += ORPHANED
    world.clean()
    assert len(world.files()) == len(text.split())


@pytest.mark.parametrize("text", ["two words", "one", "bad"])
@pytest.mark.parametrize("age", [ORPHANED - HOUR, ORPHANED + HOUR])
def test_the_files_of_what_was_replaced_go_at_once_or_by_the_cleaner(text, age) -> None:
    """At once where the manifest is so old that nobody is reading what it names any more."""
    world = World()
    world.job()
    world.time += age
    world.upload(text)
    world.job()
    several = 2 if text == "two words" else 0
    assert len(world.files()) == several + (3 if age < ORPHANED else 0)
    world.time += ORPHANED
    world.clean()
    assert len(world.files()) == several
    assert world.read() == (None if text == "bad" else text)


def test_of_two_jobs_at_once_the_one_that_lost_leaves_what_the_cleaner_takes() -> None:
    world = World()
    world.before(CALLS.index("put"), lambda: world.job() and None)
    assert world.job() == "unchanged"
    assert len(world.files()) == 6
    world.time += ORPHANED
    world.clean()
    assert len(world.files()) == 3
    assert world.read() == "one two three"


def test_files_that_can_not_be_written_are_a_rejection() -> None:
    world = World()
    world.store.upload("input/setup.run", b"two files", "text/plain")
    upload = Upload("uploads", "input/setup.run")
    assert job.run(upload, world.store, SETTINGS, log=lambda _: None).outcome == "rejected"
    assert world.files() == []
