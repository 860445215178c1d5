"""Remove the files that no manifest names: of jobs that were killed, gave way or were replaced.

A run that no manifest names and that is old enough never will be named (manifest.ORPHANED), so it
can be removed whatever else goes on. Which runs may be such tell two listings, of the outputs and
of the runs' folders; what the output itself says, when it is asked for, is what counts.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from merge import Item
from processing import manifest, publish
from processing.errors import StoreError
from processing.manifest import Run
from processing.settings import Settings
from reconcile import Store

_NAMED_WITHIN = manifest.LONGEST_RUN + timedelta(hours=1)
"""A run's manifest is written at most so long after it began, by whatever two clocks say so."""

_LATE = timedelta(days=7)
"""No task lasts longer, so that no file of a run is written later than this after it began."""


class Runs(NamedTuple):
    """The runs of one upload's jobs, and what a listing says of its output."""

    name: str
    runs: Iterator[Run]
    """In the order of their names, and so of their times."""
    output: datetime | None
    """When it was written; None: there is none, or that could not be told in passing."""


def merge(outputs: Iterable[Item], runs: Iterable[Run]) -> Iterator[Runs]:
    """The runs by their uploads, each with its output. In constant memory.

    Outputs come in the order of their names, folders in that of their names and a "/", which is
    another one: "a" comes before "a-b", but "a-b/" before "a/". So where names don't ascend, the
    listing of outputs is already further, and what it said of such a name is gone. And a name that
    goes on like a run's folder comes between the runs of its upload, which then come twice.
    """
    rest = iter(outputs)
    at = next(rest, None)
    for name, group in itertools.groupby(runs, key=lambda run: run.name):
        while at is not None and at.name < name:
            at = next(rest, None)
        yield Runs(name, group, at.time if at is not None and at.name == name else None)


def is_doubtful(first: Run, several: bool, output: datetime | None, examined: datetime) -> bool:
    """Whether the output is to be asked which run it names, of a run that is old enough.

    The times suffice where there is one run only, it was asked about before (`examined`: all runs
    were that began before this), and since then nothing was written at the output's key.
    """
    if several or output is None or first.began >= examined:
        return True
    return not timedelta(hours=-1) <= output - first.began <= _NAMED_WITHIN


def examined(began: datetime) -> datetime:
    """Up to which runs a cleaning that began then, and that failed nowhere, knows all manifests."""
    return began - manifest.ORPHANED - _LATE


@dataclass
class Cleaned:
    """What a cleaning did, for the log."""

    after: str
    """The folder after which to go on; empty when all has been looked at."""
    runs: int = 0
    """Those removed."""
    failed: int = 0
    problem: str | None = None
    """The last reason why one could not be removed."""


class Cleaner:
    """One cleaning of a bucket, from its first run to its last, or a part of it."""

    def __init__(
        self, store: Store, settings: Settings, began: datetime, examined: datetime | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._orphaned = began - manifest.ORPHANED
        self._examined = examined or datetime.min.replace(tzinfo=UTC)

    def run(self, after: str = "", ends: float = float("inf")) -> Cleaned:
        """Remove orphans from a folder on, until time.monotonic() says that it `ends`."""
        cleaned = Cleaned(after)
        for run, is_orphan in self._judged(after):
            if time.monotonic() >= ends:
                return cleaned
            if is_orphan:
                try:
                    publish.remove(self._store, run)
                    cleaned.runs += 1
                except StoreError as error:
                    cleaned.failed += 1
                    cleaned.problem = str(error)
            cleaned.after = run.folder
        cleaned.after = ""
        return cleaned

    def _judged(self, after: str) -> Iterator[tuple[Run, bool]]:
        """Each run, and whether it is an orphan."""
        for found in merge(self._outputs(after), self._runs(after)):
            first, second = next(found.runs), next(found.runs, None)
            asked = first.began <= self._orphaned and is_doubtful(
                first, second is not None, found.output, self._examined
            )
            named = self._named(found.name) if asked else None
            for run in itertools.chain(filter(None, (first, second)), found.runs):
                yield run, asked and run.began <= self._orphaned and run != named

    def _named(self, name: str) -> Run | None:
        """The run that is not to be touched."""
        output = self._store.head(self._settings.output_prefix + name)
        return publish.named_by(output, self._settings)

    def _outputs(self, after: str) -> Iterator[Item]:
        prefix, last = self._settings.output_prefix, self._run(after)
        for listed in self._store.listing(prefix, prefix + last.name if last else ""):
            yield Item(listed.key.removeprefix(prefix), listed.modified)

    def _runs(self, after: str) -> Iterator[Run]:
        folders = self._store.folders(self._settings.files_prefix, manifest.MARK, after)
        return filter(None, map(self._run, folders))

    def _run(self, folder: str) -> Run | None:
        return manifest.read_run(self._settings.files_prefix, folder)
