"""A simulation of a bucket in memory: users, jobs and accidents, interleaved call by call.

Each job is the real `job.run`, on a stack of its own. Only one goes on at a time, and only up to
its next call to the store: which one is drawn by lot, so that a seed gives the same simulation
every time. Jobs are killed before a call is sent or after it was applied, replies are
lost, events come twice and in any order, and uploads are overwritten while they are looked at.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from plan import Plan
from processing import job, metadata
from processing.errors import Conflict, Rejected, StoreError
from processing.events import Upload
from processing.objects import Object
from processing.output import Output
from processing.settings import Processor, Settings
from reconcile import Sweep

from tests.load.judge import repeats
from tests.load.line import Line, Operation
from tests.load.stepping import Killed, Pause, Stepper
from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

BUCKET = "uploads"
_CALLS_OF_A_JOB = 7
"""Accidents happen at one of a job's first so many calls."""


@dataclass(frozen=True)
class Conditions:
    """How much goes wrong; shares are of uploads, events or jobs."""

    uploads: int
    overwrites: int = 3
    """About so many versions of each key, soon after one another."""
    bad: float = 0.1
    deleted: float = 0.01
    same_bytes: float = 0.0
    """Of the overwrites: those that bring the same bytes as another version of any key."""
    duplicates: float = 0.05
    killed: float = 0.02
    lost_replies: float = 0.02
    """Of what is drawn for a job: some come to a call that it does not make, and a job that was
    killed is started again and may be again. In the long simulations 3 to 4 % of jobs are
    killed."""
    at_once: int = 32
    """Jobs that run side by side."""


@dataclass
class Outcome:
    """What a simulation left."""

    lost: list[str] = field(default_factory=list)
    """Uploads without a result for their current version, or with a wrong one."""
    outdated: list[str] = field(default_factory=list)
    """Uploads with a result for another version than their current one."""
    written_twice: list[str] = field(default_factory=list)
    written_again: list[str] = field(default_factory=list)
    """Versions of uploads with more than one result: see judge.Repeats."""

    @property
    def flawless(self) -> bool:
        return not (self.lost or self.outdated or self.written_twice)


def output(body: bytes, content_type: str) -> Output:
    """A processor whose result tells from which bytes it was made."""
    if body.startswith(b"bad"):
        raise Rejected(f"no output for {body.decode()}")
    return Output(b"output of " + body, content_type)


class Simulation:
    """One simulation, from the first upload to the end of the last job."""

    def __init__(
        self,
        seed: int,
        conditions: Conditions,
        processor: Processor = output,
        *,
        versioned: bool = True,
    ) -> None:
        self.conditions = conditions
        self.bucket = MemoryStore(versioned=versioned)
        self.settings = Settings(processor=OnBytes(processor))
        self.counts: Counter[str] = Counter()
        self.unattended: set[str] = set()
        """Uploads with a job that ended in an accident and that nothing started again."""
        self.swept: Counter[str] = Counter()
        """What the sweep did, by progress.Progress."""
        self._chance = random.Random(seed)
        self._events: list[str] = []
        self._jobs: list[_Job] = []
        self._uploaded = 0

    def run(self) -> None:
        """Until nothing is left to do."""
        while self._uploaded < self.conditions.uploads or self._events or self._jobs:
            lot = self._chance.random()
            if self._uploaded < self.conditions.uploads and lot < 1 / 12:
                self._upload()
            elif self._events and len(self._jobs) < self.conditions.at_once and lot < 1 / 4:
                self._start(self._take(self._events), self._accident())
            elif self._jobs:
                self._step(self._chance.randrange(len(self._jobs)))

    def sweep(self) -> None:
        """An hour later, the real sweep; its jobs have no accidents."""

        later = datetime.now(UTC) + timedelta(hours=1)
        plan = Plan(grace=timedelta(minutes=30), max_attempts=3, rate=1e9)
        sweep = Sweep(self.bucket, self.settings, lambda *_: self, plan, now=lambda: later)
        self.swept = sweep.run(later).outcomes

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        """Run a job that the sweep asks for."""
        job.run(upload, self.bucket, self.settings, log=lambda line: None)
        self.counts["started by the sweep"] += 1

    def uploads(self) -> dict[str, tuple[Object, bytes]]:
        """All that are there now."""
        prefix = self.settings.input_prefix
        return {
            key: current
            for key in self.bucket.versions
            if key.startswith(prefix) and (current := self.bucket.current(key))
        }

    def outcome(self) -> Outcome:
        found = Outcome()
        for key, (upload, body) in self.uploads().items():
            results = self.results(key)
            versions = [seen.metadata[metadata.SOURCE_VERSION] for seen, _ in results]
            wanted = body if body.startswith(b"bad") else b"output of " + body
            fits = any(wanted in result for _, result in results)
            if versions.count(upload.version) != 1 or not fits:
                found.lost.append(key)
            if any(version != upload.version for version in versions):
                found.outdated.append(key)
        prefix = self.settings.input_prefix
        for key in [each for each in self.bucket.versions if each.startswith(prefix)]:
            again = repeats(*(self._history(k) for k in job.result_keys(key, self.settings)))
            found.written_twice += [f"{key} {version}" for version in again.written_twice]
            found.written_again += [f"{key} {version}" for version in again.written_again]
        return found

    def _history(self, key: str) -> list[str | None]:
        """Of a result's key, as judge.repeats takes it."""
        return [
            each and each[0].metadata[metadata.SOURCE_VERSION]
            for each in self.bucket.versions.get(key, [])
        ]

    def results(self, key: str) -> list[tuple[Object, bytes]]:
        """What is there now for this upload."""
        keys = job.result_keys(key, self.settings)
        return [current for k in keys if (current := self.bucket.current(k))]

    def fingerprint(self) -> str:
        """Of all that was asked of the bucket, in order."""
        return hashlib.sha256(repr(self.bucket.calls).encode()).hexdigest()

    def _upload(self) -> None:
        chance, conditions = self._chance, self.conditions
        number = self._uploaded // conditions.overwrites + chance.randrange(4)
        key = f"{self.settings.input_prefix}{number}.png"
        self._uploaded += 1
        if self.bucket.current(key) and chance.random() < conditions.deleted:
            self.bucket.remove(key)
            self.counts["deleted"] += 1
            return
        content = "the same" if chance.random() < conditions.same_bytes else str(self._uploaded)
        quality = "bad" if chance.random() < conditions.bad else "good"
        self.counts["overwrites" if key in self.bucket.versions else "first uploads"] += 1
        self.bucket.upload(key, f"{quality} {content}.".encode())
        self._events.append(key)
        if chance.random() < conditions.duplicates:
            self._events.append(key)
            self.counts["duplicate events"] += 1

    def _accident(self) -> _Accident | None:
        lot, conditions = self._chance.random(), self.conditions
        at = self._chance.randrange(_CALLS_OF_A_JOB)
        applied = self._chance.random() < 0.5
        if lot < conditions.killed:
            return _Accident(at, "killed", sent=applied)
        if lot < conditions.killed + conditions.lost_replies:
            return _Accident(at, "lost reply", repeated=applied)
        return None

    def _start(self, key: str, accident: _Accident | None) -> None:
        self._jobs.append(_Job(Upload(BUCKET, key), self.bucket, self.settings, accident))
        self.counts["jobs"] += 1

    def _step(self, index: int) -> None:
        step = self._jobs[index]
        if step.go_on():
            return
        self._jobs[index] = self._jobs[-1]
        self._jobs.pop()
        self.counts[step.ended] += 1
        self.counts["conflicts"] += step.conflicts
        if step.accident and step.accident.happened:
            self.counts[step.accident.what] += 1
        if step.ended in ("killed", "failed"):
            # Lambda starts such a job again; a task's is left to the sweep.
            if self._chance.random() < 0.5:
                self._events.append(step.key)
            else:
                self.unattended.add(step.key)

    def _take(self, events: list[str]) -> str:
        """Any of them: nothing says that events come in order."""
        index = self._chance.randrange(len(events))
        events[index], events[-1] = events[-1], events[index]
        return events.pop()


@dataclass
class _Accident:
    at: int
    """The number of the call."""
    what: str
    sent: bool = True
    """Whether the store applied the call that the process was killed in."""
    repeated: bool = False
    """Whether the client asks again after a lost reply, as store.Bucket does, or gives up."""
    happened: bool = False


class _Job(Stepper):
    """A job that stops before each of its calls until it is told to go on."""

    def __init__(
        self, upload: Upload, bucket: MemoryStore, settings: Settings, accident: _Accident | None
    ) -> None:
        self.key = upload.key
        self.accident = accident
        self.conflicts = 0
        """How often it had to give way."""

        def work(pause: Pause) -> str:
            line = _Line(bucket, pause, accident)
            try:
                return job.run(upload, line, settings, log=lambda _: None).outcome
            finally:
                self.conflicts = line.conflicts

        super().__init__(work)


class _Line(Line):
    """A line with at most one accident."""

    def __init__(self, bucket: MemoryStore, pause: Pause, accident: _Accident | None) -> None:
        super().__init__(bucket)
        self._pause = pause
        self._accident = accident
        self._calls = 0
        self._is_dead = False
        self.conflicts = 0

    def _call(self, operation: Operation) -> Any:
        try:
            return self._through(operation)
        except Conflict:
            self.conflicts += 1
            raise
        except Killed:
            self._is_dead = True
            raise

    def _through(self, operation: Operation) -> Any:
        if self._is_dead:  # what a process does in its last moment, it does not do
            raise Killed
        self._pause()
        self._calls += 1
        accident = self._accident
        if accident is None or self._calls != accident.at + 1:
            return operation()
        accident.happened = True
        if accident.what == "killed":
            if accident.sent:
                operation()
            raise Killed
        operation()
        if accident.repeated:
            self._pause()
            return operation()
        raise StoreError("a call", BUCKET, "", "no response")
