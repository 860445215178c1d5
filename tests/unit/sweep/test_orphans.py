"""The cleaner of files that no manifest names: what it finds, and what it never touches."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from merge import Item
from orphans import Cleaner, is_doubtful, merge
from processing.errors import StoreError
from processing.manifest import MARK, ORPHANED, Run, new_run, read_run
from processing.metadata import RUN
from processing.settings import Settings

from tests.support.memory_store import MemoryStore

NOW = datetime(2026, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, YOUNG = NOW - ORPHANED - HOUR, NOW - ORPHANED + HOUR
SETTINGS = Settings(processor=lambda *_: None)

# Around "/" in the order, and what looks like a run's folder or its beginning.
parts = st.sampled_from(["a", "-", ".", "/", "0", "é", "😀", ".run", "20251231T000000Z", "2026"])
names = st.lists(parts, max_size=4).map("".join).filter(lambda name: MARK not in f"{name}/")
buckets = st.dictionaries(
    names,
    st.tuples(st.booleans(), st.lists(st.sampled_from([OLD, YOUNG]), max_size=3)),
    max_size=8,
)


class Bucket:
    """A bucket in memory with runs of jobs in it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._numbers = itertools.count()

    def run(self, name: str, began: datetime, files: int = 2) -> Run:
        run = new_run("files/", name, began, next(self._numbers).to_bytes(8, "big"))
        for number in range(files):
            self.store.upload(f"{run.folder}{number}", b"")
        return run

    def output(self, name: str, run: Run | None, written: datetime) -> None:
        self.store.clock = lambda: written
        seen = self.store.head(f"output/{name}")
        metadata = {RUN: run.id} if run else {}
        self.store.put(f"output/{name}", repr(run).encode(), "a/b", metadata, seen)

    def clean(self, examined: datetime | None = None, after: str = "", ends: float = float("inf")):
        return Cleaner(self.store, SETTINGS, NOW, examined).run(after, ends)

    def runs(self) -> set[Run]:
        """Those with any file."""
        return {read_run("files/", each) for each in self.store.folders("files/", MARK)}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@given(made=buckets, named=st.sampled_from([0, -1]))
@example(made={"a": (True, [OLD, OLD]), "a-": (True, [OLD]), "a/2026": (True, [OLD])}, named=0)
def test_all_old_runs_go_but_those_that_a_manifest_names(made, named):
    bucket, kept = Bucket(), set()
    for name, (has_output, times) in made.items():
        runs = [bucket.run(name, began) for began in sorted(times)]
        kept |= {run for run in runs if run.began > NOW - ORPHANED}
        if has_output and runs:
            kept.add(runs[named])
            bucket.output(name, runs[named], runs[named].began + HOUR)
        elif has_output:
            bucket.output(name, None, OLD)
    before = {key for key in bucket.store.versions if not key.startswith("files/")}
    cleaned = bucket.clean()
    assert bucket.runs() == kept
    assert cleaned.runs == sum(len(times) for _, times in made.values()) - len(kept)
    assert {key for key in before if bucket.store.current(key)} == before


@given(made=buckets)
def test_the_merge_tells_each_upload_with_its_output_or_that_it_can_not(made):
    bucket = Bucket()
    runs = [bucket.run(name, began) for name, (_, times) in made.items() for began in times]
    outputs = {name for name, (has_output, _) in made.items() if has_output}
    listing = [read_run("files/", each) for each in bucket.store.folders("files/", MARK)]
    items = [Item(name, OLD) for name in sorted(outputs)]
    found = [(each, list(each.runs)) for each in merge(items, listing)]
    assert sorted(run for _, group in found for run in group) == sorted(runs)
    passed = ""
    for each, group in found:
        assert {run.name for run in group} == {each.name}
        assert each.output is None or each.name in outputs
        if each.name > passed:  # as it is but for names that are the beginning of another one
            assert (each.output is not None) == (each.name in outputs)
        passed = max(passed, each.name)


def test_the_merge_holds_one_object_of_each_listing():
    read = []

    def runs():
        for number in range(1000):
            read.append(number)
            yield Run("files/", f"{number:04}", "20260101T000000Z-0000000000000000")

    for number, each in enumerate(merge((Item(f"{n:04}", OLD) for n in range(1000)), runs())):
        assert len(list(each.runs)) == 1
        assert each.output == OLD
        assert len(read) <= number + 2


@pytest.mark.parametrize(
    ("why", "several", "output", "examined", "doubtful"),
    [
        ("its manifest, known", False, HOUR, OLD + HOUR, False),
        ("its manifest, at the last moment", False, 12 * HOUR, OLD + HOUR, False),
        ("may be another's, and was never asked", False, HOUR, OLD, True),
        ("one of two", True, HOUR, OLD + HOUR, True),
        ("there is no output", False, None, OLD + HOUR, True),
        ("too late to be its manifest", False, 14 * HOUR, OLD + HOUR, True),
        ("too early to be its manifest", False, -2 * HOUR, OLD + HOUR, True),
    ],
)
def test_an_output_is_asked_where_times_leave_a_doubt(why, several, output, examined, doubtful):
    run = new_run("files/", "a", OLD, bytes(8))
    written = None if output is None else OLD + output
    assert is_doubtful(run, several, written, examined) == doubtful, why


def test_what_was_examined_costs_no_call_again(bucket):
    run = bucket.run("a", OLD)
    bucket.output("a", run, OLD + HOUR)
    bucket.store.calls.clear()
    bucket.clean(examined=OLD + HOUR)
    assert bucket.store.calls == []


def test_a_run_that_an_output_in_one_file_replaced_goes(bucket):
    bucket.run("a", OLD)
    bucket.output("a", None, OLD + HOUR)
    bucket.clean()
    assert bucket.runs() == set()


def test_what_is_no_runs_folder_stays(bucket):
    strange = [
        "files/x.run/1",
        "files/a/yesterday.run/1",
        "files/a/20260101T000000Z-xy.run/1",
        "files/a",
    ]
    for key in strange:
        bucket.store.upload(key, b"")
    bucket.clean()
    assert all(map(bucket.store.current, strange))


def test_what_is_removed_is_what_was_listed(bucket):
    """Nothing of a run's that comes meanwhile, and nothing by its name alone."""
    run = bucket.run("a", OLD, files=1)
    bucket.store.before = lambda operation, key: (
        bucket.store.upload(f"{run.folder}late", b"") if operation == "delete all" else None
    )
    bucket.clean()
    assert [key for _, key in bucket.store.calls if "late" in key] == []
    bucket.store.before = None
    bucket.clean()
    assert bucket.runs() == set()


def test_a_run_that_can_not_be_removed_stops_no_other(bucket):
    refused = bucket.run("a", OLD)
    bucket.run("b", OLD)

    def refuse(operation: str, key: str) -> None:
        if key.startswith(refused.folder):
            raise StoreError("DeleteObjects", "uploads", key, "AccessDenied: no")

    bucket.store.before = refuse
    cleaned = bucket.clean()
    assert (cleaned.runs, cleaned.failed) == (1, 1)
    assert "AccessDenied" in cleaned.problem
    assert bucket.runs() == {refused}


def test_a_cleaning_that_is_out_of_time_is_gone_on_with(bucket, monkeypatch):
    for name in "abcde":
        bucket.run(name, OLD)
    after, removed = "", []
    while after or not removed:
        looks = itertools.count()
        monkeypatch.setattr("orphans.time", SimpleNamespace(monotonic=looks.__next__))
        cleaned = bucket.clean(after=after, ends=2)
        after = cleaned.after
        removed.append(cleaned.runs)
    assert removed == [2, 2, 1]
    assert bucket.runs() == set()
