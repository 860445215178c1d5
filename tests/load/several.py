"""A simulation of jobs with several outputs: users, jobs, cleaner and accidents in virtual time.

Everything that calls the bucket is real code, `job.run` and the sweep's `Cleaner`: one of them goes
on at a time, up to its next call; a seed gives the same order of calls every time. Workers are
killed before a call, after it, or so that it arrives when they are gone; replies are lost and the
call is made again; workers stand still for days, and their clocks are wrong by up to ten minutes.
S3 refuses what was signed more than a quarter of an hour ago.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from orphans import Cleaner, examined
from processing import job, manifest, metadata, publish
from processing.errors import Failed, Rejected, StoreError
from processing.events import Upload
from processing.exchange import PATIENCE_SECONDS
from processing.objects import Object
from processing.output import Source
from processing.settings import Settings

from tests.load.line import Line, Operation
from tests.load.stepping import Killed, Pause, Stepper
from tests.support.in_process import OnFiles
from tests.support.memory_store import MemoryStore

BUCKET = "uploads"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SIGNED = timedelta(minutes=15)
"""So long S3 takes a signature."""
TRYING = timedelta(seconds=PATIENCE_SECONDS)
_AT_ONCE = 8
_STEP_SECONDS = 20
"""Between two calls of anybody."""
_CALLS = 13
"""Accidents happen at one of the first so many calls of a worker."""
KILLED, KILLED_AFTER, ARRIVES_LATER = "killed", "killed after", "killed, arrives later"
LOST_REPLY, STANDS_STILL = "lost reply", "stands still"
ACCIDENTS = [KILLED, KILLED_AFTER, ARRIVES_LATER, LOST_REPLY, STANDS_STILL, STANDS_STILL]


@dataclass
class Fate:
    """What will happen to a worker."""

    at: int
    """The number of the call."""
    what: str
    """One of ACCIDENTS, or nothing."""
    hours: float
    skew: timedelta


class World:
    """One simulation. `problems`: what a reader would have seen, and never should."""

    def __init__(self, seed: int, uploads: int, *, versioned: bool = True) -> None:
        self.bucket = MemoryStore(versioned=versioned)
        self.bucket.clock = lambda: self.now
        self.now = BEGAN
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.settings = Settings(processor=OnFiles(self._process))
        self._chance = random.Random(seed)
        self._uploads = uploads
        self._workers: list[_Worker] = []
        self._events: list[str] = []
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._next_cleaning = BEGAN
        self._examined: datetime | None = None

    def run(self) -> None:
        """Until all workers ended; then as the sweep would, once for each upload; then a day."""
        while self._uploads or self._events or self._workers or self._later:
            self.now += timedelta(seconds=self._chance.expovariate(1 / _STEP_SECONDS))
            while self._later and self._later[0][0] <= self.now:
                heapq.heappop(self._later)[2]()
            if self.now >= self._next_cleaning:
                self._next_cleaning = self.now + timedelta(hours=6)
                self._workers.append(_Worker(self, self._clean, self._fate(), "cleaner"))
            self._act()
        for key in self._current_uploads():
            job.run(Upload(BUCKET, key), self.bucket, self.settings, log=lambda _: None)
        self.now += manifest.ORPHANED + timedelta(hours=1)
        Cleaner(self.bucket, self.settings, self.now, self._examined).run()

    def _act(self) -> None:
        """One of those that can do something."""
        lot = self._chance.random()
        if self._uploads and lot < 1 / 20:
            self._upload()
        elif self._events and len(self._workers) < _AT_ONCE and lot < 1 / 4:
            key = self._events.pop(self._chance.randrange(len(self._events)))
            self._workers.append(_Worker(self, partial(self._job, key), self._fate(), key))
        elif awake := [each for each in self._workers if each.wakes <= self.now]:
            self._step(self._chance.choice(awake))
        elif not self._events and not self._uploads:  # nobody is awake: let time pass
            nearest = [each.wakes for each in self._workers] + [time for time, *_ in self._later]
            self.now = max(self.now, min(nearest, default=self.now))

    def _step(self, worker: _Worker) -> None:
        if worker.go_on():
            return
        self._workers.remove(worker)
        self.counts[f"{'cleanings' if worker.name == 'cleaner' else 'jobs'} {worker.ended}"] += 1
        if worker.ended in ("killed", "failed") and worker.name != "cleaner":
            self._events.append(worker.name)

    def _job(self, key: str, line: Line) -> str:
        return job.run(Upload(BUCKET, key), line, self.settings, log=lambda _: None).outcome

    def _clean(self, line: Line) -> str:
        began = self.now
        cleaned = Cleaner(line, self.settings, began, self._examined).run()
        self.counts["orphans removed"] += cleaned.runs
        if not cleaned.failed:
            self._examined = examined(began)
        return "ended"

    def _upload(self) -> None:
        self._uploads -= 1
        chance = self._chance
        key = f"input/{self._uploads // 4 + chance.randrange(4)}{chance.choice(['', '-', '/a'])}"
        if self.bucket.current(key) and chance.random() < 0.05:
            self.bucket.remove(key)
            self.counts["deleted"] += 1
            return
        content = "same" if chance.random() < 0.1 else str(self._uploads)
        quality = "bad" if chance.random() < 0.1 else "good"
        self.bucket.upload(key, f"{quality} {content}".encode())
        self._events += [key] * chance.choice([1, 1, 1, 2])

    def _process(self, source: Source, outputs: Path) -> None:
        """Makes files that tell which run made them, of which upload, and how many there are."""
        said = source.path.read_text()
        moody = self._chance.random() < 0.1
        if said.startswith("bad") != moody:
            raise Rejected("it is bad")
        number, count = next(self._numbers), 1 + (len(said) + moody) % 4
        for each in range(count):
            (outputs / f"{each}").write_text(f"{number} {count} {source.version} {said}")

    def _fate(self) -> Fate:
        chance = self._chance
        what = chance.choice(ACCIDENTS) if chance.random() < 0.35 else "nothing"
        # Who stands still most often has written some of its files, and not the manifest.
        at = chance.randrange(3, 7) if what == STANDS_STILL else chance.randrange(_CALLS)
        skew = timedelta(minutes=chance.uniform(-10, 10))
        return Fate(at, what, chance.choice([2, 11, 13, 30, 60]), skew)

    def later(self, after: timedelta, operation: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self.now + after, next(self._numbers), operation))

    def minutes(self, most: timedelta) -> timedelta:
        return most * self._chance.random()

    # What a reader sees.

    def look(self) -> None:
        """At the result that the last call was about, as whoever follows the manifest does."""
        key = self.bucket.calls[-1][1] if self.bucket.calls else ""
        for prefix in ("output/", "files/"):
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                if prefix == "files/":
                    name = name.partition(manifest.MARK)[0].rpartition("/")[0]
                if problem := self.problem(name):
                    self.problems.append(f"{self.now} after {self.bucket.calls[-1]}: {problem}")

    def problem(self, name: str) -> str:
        """What is wrong with an output that is there; empty: nothing."""
        output = self.bucket.current(f"output/{name}")
        if output is None:
            return ""
        seen, body = output
        contents = [body]
        if metadata.RUN in seen.metadata:
            named = json.loads(body)["files"]
            files = [self.bucket.current(each["key"]) for each in named]
            if not all(files):
                return f"{name}: {files.count(None)} of {len(files)} files are not there"
            contents = [content for _, content in files]
            if [each["etag"] for each in named] != [file.etag for file, _ in files]:
                return f"{name}: other files than were named"
        made = {content.decode() for content in contents}
        _, count, version, *_ = next(iter(made)).split()
        if len(made) != 1 or len(contents) != int(count):
            return f"{name}: files of several runs, or not all of one: {made}"
        if version != seen.metadata[metadata.SOURCE_VERSION]:
            return f"{name}: files of another version"
        return ""

    def unsettled(self) -> list[str]:
        """Uploads without exactly one result, and their own, or with a wrong one."""
        found = []
        for key, upload in self._current_uploads().items():
            keys = job.result_keys(key, self.settings)
            results = [current[0] for each in keys if (current := self.bucket.current(each))]
            versions = [each.metadata[metadata.SOURCE_VERSION] for each in results]
            if versions != [upload.version] or self.problem(key.removeprefix("input/")):
                found.append(key)
        return found

    def orphans(self) -> list[str]:
        """Folders of runs that no manifest names."""
        named = {
            publish.named_by(seen, self.settings)
            for key in list(self.bucket.versions)
            if key.startswith("output/") and (seen := self.bucket.head(key))
        }
        folders = self.bucket.folders("files/", manifest.MARK)
        return [each for each in folders if manifest.read_run("files/", each) not in named]

    def _current_uploads(self) -> dict[str, Object]:
        keys = [key for key in self.bucket.versions if key.startswith("input/")]
        return {key: current[0] for key in keys if (current := self.bucket.current(key))}


class _Worker(Stepper):
    """A job or a cleaner, with its fate."""

    def __init__(self, world: World, work: Callable[[Line], str], fate: Fate, name: str) -> None:
        self.name = name
        self.wakes = world.now
        super().__init__(lambda pause: work(_Weather(world, self, fate, pause)))


class _Weather(Line):
    """The line of a worker: where its fate comes to pass."""

    def __init__(self, world: World, worker: _Worker, fate: Fate, pause: Pause) -> None:
        super().__init__(world.bucket)
        self._world, self._worker, self._fate, self._pause = world, worker, fate, pause
        self._calls = 0
        self._is_dead = False

    def now(self) -> datetime:
        return self._world.now + self._fate.skew

    def _call(self, operation: Operation) -> Any:
        if self._is_dead:
            raise Killed
        self._calls += 1
        what = self._fate.what if self._calls == self._fate.at + 1 else "nothing"
        signed = self.now()
        if what != "nothing":
            self._world.counts[what] += 1
        if what == ARRIVES_LATER:
            arrives = partial(self._arrives, operation, signed)
            self._world.later(self._world.minutes(2 * SIGNED), arrives)
        if what in (KILLED, ARRIVES_LATER):
            self._is_dead = True
            raise Killed
        self._pause()
        if what == LOST_REPLY:
            self._arrives(operation, signed)
            self._worker.wakes = self._world.now + self._world.minutes(TRYING)
            signed = self._worker.wakes + self._fate.skew  # anew, without a look at the time
            self._pause()
        try:
            return self._apply(operation, signed)
        finally:
            if what == KILLED_AFTER:
                self._is_dead = True
            if what == STANDS_STILL:
                self._worker.wakes = self._world.now + timedelta(hours=self._fate.hours)
                self._pause()
            if self._is_dead:
                raise Killed

    def _arrives(self, operation: Operation, signed: datetime) -> None:
        """And nobody hears what S3 says."""
        with contextlib.suppress(Failed):
            self._apply(operation, signed)

    def _apply(self, operation: Operation, signed: datetime) -> Any:
        if abs(self._world.now - signed) > SIGNED:
            raise StoreError("a call", BUCKET, "", "403 RequestTimeTooSkewed")
        try:
            return operation()
        finally:
            self._world.look()
