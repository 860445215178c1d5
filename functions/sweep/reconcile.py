"""Find uploads without a current result and start their jobs: retry, redrive and backfill in one.

Level-triggered like the job: it looks at what is there, whatever came of the events. To start a job
once too often is harmless, so nothing here has to be exact but the number of attempts.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from merge import RECORD, Found, Item, ResultStatus, judge, merge
from processing import job, metadata, records
from processing.errors import BadSetting, Conflict, Failed, NotStarted
from processing.events import Upload
from processing.objects import LONGEST_KEY, Object
from processing.settings import Settings

if TYPE_CHECKING:
    from processing.starters import Choose, Starter  # which imports boto3

_TOGETHER = 32
"""Uploads that are looked at side by side: most of the time is spent waiting for S3."""
_LEFT_OPEN = 64
"""Uploads that are looked at, or wait for that, before the first of them is counted: no more begin
when so many fail."""
_AHEAD = 16_384
"""Uploads ahead of what is counted: where one in a hundred is looked at, all threads are busy."""

CURRENT = "current"
YOUNG = "young"
GONE = "gone"
STARTED = "started"
DUE = "due"
"""What a dry run says instead of `started` and `gave_up`."""
RUNNING = "running"
WAITING = "waiting"
"""Started by a sweep, so short a time ago that its job may be under way, or not begun."""
CANT_START = "cant_start"
"""The last start came to no job; it waits, the longer the more often that was so."""
STARTED_AGAIN = "started_again"
"""Such a one, whose time it was."""
NOT_STARTED = "not_started"
GAVE_UP = "gave_up"
FAILED = "failed"
OUT_OF_TIME = "out_of_time"
DELETED = "deleted"
"""With AfterSuccess=delete: its job was ended between the output and this."""

LISTED = 1000
"""Uploads that a dry run names, at most."""
FAILURES_IN_A_ROW = 100
"""After so many it is not the uploads' fault. One upload's refusal concerns no other."""

LONGEST_PAUSE = timedelta(days=1)
"""Between two starts of what can't start."""

UNSETTLED = {STARTED, STARTED_AGAIN, DUE, WAITING, CANT_START, NOT_STARTED, FAILED}


class Store(job.Store, Protocol):
    """What a sweep asks of a bucket beside what a job asks."""

    @property
    def name(self) -> str:
        """The bucket's."""

    def folders(self, prefix: str, mark: str, after: str = "") -> Iterable[str]:
        """What such keys as `listing` gives start with, up to the first `mark` after the prefix.

        Each once, in the order of code points.
        """


@dataclass(frozen=True)
class Plan:
    """What one run is to do."""

    grace: timedelta
    """No job takes longer, from the upload to the result."""
    max_attempts: int
    rate: float
    """Jobs started a second, at most."""
    prefix: str = ""
    """Only uploads whose keys go on like this after the input prefix."""
    after: str = ""
    """Only uploads whose names come after this one: where an earlier run stopped."""
    examined: datetime | None = None
    """Until when uploads were found settled by an earlier sweep."""
    waits: Callable[[Starter, datetime, datetime], bool] = lambda starter, uploaded, last: False
    """Whether a job may still wait for its turn in the queue of what starts it: of an upload of
    that time, started then by a sweep or a fallback (records.NEVER: by neither)."""
    patient: bool = True
    """Whether what can't start has to wait; somebody who has mended it does not want it to."""
    given_up: bool = False
    """Whether what was given up is started again, too."""
    reprocess: str | None = None
    """The JobVersion whose results are wanted: what has another one's is started again."""
    dry_run: bool = False
    ends: float = float("inf")
    """When to stop, as time.monotonic() has it."""
    running: frozenset[str | None] = frozenset()
    """Keys of uploads whose tasks run: those are left alone, however long it takes."""
    begins: timedelta | None = None
    """What was asked for so long ago has ended, or its task is among `running`; None: nobody can
    say which tasks run."""

    @property
    def patience(self) -> timedelta:
        """Uploads and starts that are younger than this are left alone."""
        return self.grace if self.begins is None else self.begins

    def pause(self, not_begun: int) -> timedelta:
        """How long after so many starts in a row that came to no job the next one is."""
        longest = max(LONGEST_PAUSE, self.patience)
        return min(self.patience * (1 << min(not_begun, 20)), longest)


@dataclass
class Progress:
    """What a run did, for the log and for whoever started it."""

    after: str | None
    """Where to go on; None when all has been looked at."""
    outcomes: Counter[str]
    unsettled: datetime | None = None
    """The time of the oldest upload that was left without a current result."""
    misleading: datetime | None = None
    """That of the oldest one of those whose wrong result would pass for a current one."""
    problem: str | None = None
    """The last reason why a job could not be started, or given up."""
    cant_start: int = 0
    """Uploads whose last start came to no job, and no later one has yet."""
    stopped: bool = False
    """Whether it stopped because so many failed in a row, and not at the end of its time."""
    due: list[tuple[str, str]] = field(default_factory=list)
    """Of a dry run: keys and times of the first uploads that it would start."""


class Settled(NamedTuple):
    """An upload, and what was done about it."""

    found: Found
    outcome: str
    problem: str | None = None


class Sweep:
    """One run over a bucket.

    Uploads are looked at in several threads. What they come to is counted in one, that of `run`, in
    the order of the uploads.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        choose: Choose,
        plan: Plan,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        log: Callable[[str], None] = print,
        notes: job.Store | None = None,
    ) -> None:
        """`notes`: the bucket that keeps the attempts and failures; None: the same."""
        self._store = store
        self._notes = notes or store
        self._settings = settings
        self._choose = choose
        self._plan = plan
        self._now = now
        self._log = log
        self._pace = Pace(plan.rate)
        self._failures = 0
        """In a row."""
        self._stopped = False
        """Whether there were too many."""
        self.progress = Progress(plan.after, Counter())
        """How far `run` is, also when it raised."""

    def run(self, began: datetime) -> Progress:
        """Look at all uploads until the time is out. Raises what stands in the way of all."""
        with ThreadPoolExecutor(_TOGETHER) as pool:
            complete = self._count(self._settled(began - self._plan.patience, pool))
        if complete:
            self.progress.after = None
        self.progress.stopped = self._stopped
        return self.progress

    def _settled(self, young: datetime, pool: Executor) -> Iterator[Settled]:
        """Each upload with what was done, in order, until the time is out.

        Those that the listings leave open are looked at side by side, ahead of what is counted.
        """
        ahead: deque[Settled | Future[Settled]] = deque()
        left_open, problem = 0, None
        try:
            for found in self.found():
                glance = self._glance(found, young)
                if glance:
                    ahead.append(Settled(found, glance))
                else:
                    ahead.append(pool.submit(self._settle, found))
                    left_open += 1
                if glance == OUT_OF_TIME:
                    break
                while left_open >= _LEFT_OPEN or len(ahead) >= _AHEAD:
                    first = ahead.popleft()
                    left_open -= isinstance(first, Future)
                    yield self._done(first)
        except Failed as error:  # of the listing: what was begun before counts
            problem = error
        yield from map(self._done, ahead)
        if problem:
            raise problem

    def _done(self, settled: Settled | Future[Settled]) -> Settled:
        """Wait for it. Raises BadSetting."""
        if isinstance(settled, Settled):
            return settled
        done = settled.result()
        self._failures = self._failures + 1 if done.outcome == FAILED else 0
        self._stopped = self._stopped or self._failures >= FAILURES_IN_A_ROW
        return done

    def _glance(self, found: Found, young: datetime) -> str | None:
        """What the listings alone say."""
        if self._is_over():
            return OUT_OF_TIME
        if self._plan.reprocess and found.may_be_current:
            return None  # the metadata tells
        if found.time > young:
            # Not looked at in earnest: it may be one of the version before.
            latest = max(filter(None, (found.succeeded, found.rejected)), default=None)
            return CURRENT if latest and latest >= found.time else YOUNG
        if self._plan.given_up and found.rejected:
            return None  # the metadata tells
        if found.succeeded and self._deletes:
            return None
        status = judge(found, self._plan.grace, self._plan.examined)
        return CURRENT if status is ResultStatus.CURRENT else None

    @property
    def _deletes(self) -> bool:
        return self._settings.after_success == "delete" and not self._plan.dry_run

    def _is_over(self) -> bool:
        return time.monotonic() >= self._plan.ends or self._stopped

    def _count(self, settled: Iterable[Settled]) -> bool:
        """Add what was done to the progress. Whether there was time for all."""
        progress, complete = self.progress, True
        for found, outcome, problem in settled:
            complete = complete and outcome != OUT_OF_TIME
            progress.problem = problem or progress.problem
            if complete:
                progress.after = found.name
            if outcome != OUT_OF_TIME:
                progress.outcomes[outcome] += 1
            if outcome in (DUE, CANT_START) and self._plan.dry_run and len(progress.due) < LISTED:
                key = self._settings.input_prefix + found.name
                progress.due.append((key, found.time.isoformat()))
            progress.cant_start += outcome in (CANT_START, STARTED_AGAIN)
            if outcome in UNSETTLED:
                progress.unsettled = min(progress.unsettled or found.time, found.time)
            if outcome in UNSETTLED | {RUNNING} and found.may_mislead:
                progress.misleading = min(progress.misleading or found.time, found.time)
        return complete

    def found(self) -> Iterator[Found]:
        """The uploads, with what listings tell of their results."""
        settings, plan = self._settings, self._plan

        def items(prefix: str) -> Iterator[Item]:
            # The record of a name that comes after `after` comes after it, too.
            after = prefix + plan.after if plan.after else ""
            for listed in self._store.listing(prefix + plan.prefix, after):
                if listed.key.endswith("/"):
                    continue  # a folder marker
                yield Item(listed.key.removeprefix(prefix), listed.modified, listed.in_parts)

        uploads = items(settings.input_prefix)
        return merge(
            (item for item in uploads if item.name.endswith(settings.input_suffix)),
            items(settings.output_prefix),
            (item for item in items(settings.rejected_prefix) if item.name.endswith(RECORD)),
            settings.output_suffix,
            LONGEST_KEY - len(settings.rejected_prefix.encode()),
        )

    def _settle(self, found: Found) -> Settled:
        """Bring one upload a step nearer to its result.

        What goes wrong with it is its own affair, unless a setting is wrong.
        """
        if self._is_over():
            return Settled(found, OUT_OF_TIME)
        key = self._settings.input_prefix + found.name
        given_up, again = None, False
        try:
            if found.may_be_current:
                results = self._results(key)
                found = found.as_seen(*(each and each.modified for each in results))
                if upload := self._upload_of(key, results):
                    given_up = self._given_up(results)
                    again = self._is_to_be_reprocessed(results)
                    if not given_up and not again:
                        return Settled(found, self._after_success(upload, results))
            return Settled(found, self._bring_nearer(found, key, given_up, again))
        except Conflict:
            return Settled(found, WAITING)  # another sweep is at it
        except BadSetting:
            raise
        except NotStarted as error:
            self._log(json.dumps({"not_started": str(error)}))
            return Settled(found, NOT_STARTED, f"{key}: {error}")
        except Exception as error:
            self._log(json.dumps({"not_settled": key, "reason": repr(error)}))
            return Settled(found, FAILED, f"{key}: {error}")

    def _results(self, key: str) -> list[Object | None]:
        """The output and the rejection, as they are."""
        return [self._store.head(each) for each in job.result_keys(key, self._settings)]

    def _upload_of(self, key: str, results: list[Object | None]) -> Object | None:
        """The upload, if it has one result and that is for its current version.

        With two, a job was ended before it could remove the other; another one does.
        """
        versions = [each.metadata.get(metadata.SOURCE_VERSION) for each in results if each]
        upload = self._store.head(key)
        return upload if upload and versions == [upload.version] else None

    def _is_to_be_reprocessed(self, results: list[Object | None]) -> bool:
        wanted = self._plan.reprocess
        made = [each.metadata.get(metadata.JOB_VERSION, "") for each in results if each]
        return wanted is not None and made != [wanted]

    def _after_success(self, upload: Object, results: list[Object | None]) -> str:
        """What becomes of an upload whose result is current."""
        output, _ = results
        if not (output and self._deletes):
            return CURRENT
        self._store.delete(upload)
        return DELETED

    def _given_up(self, results: list[Object | None]) -> Object | None:
        """The rejection that is to be taken back."""
        _, rejection = results
        is_one = rejection is not None and rejection.metadata.get(metadata.GAVE_UP) == "yes"
        return rejection if is_one and self._plan.given_up else None

    def _bring_nearer(self, found: Found, key: str, given_up: Object | None, again: bool) -> str:
        """Start the job, or give it up. Raises what goes wrong."""
        if key in self._plan.running:
            return RUNNING
        seen = self._store.head(key)
        if seen is None:
            return GONE
        if again:
            return self._reprocess(Upload(self._store.name, key), seen)
        if given_up and not self._plan.dry_run:
            # Its attempts begin anew (_give_up). Should it not be started now, it has no result.
            self._store.delete(given_up)
        return self._attempt(Upload(self._store.name, key), seen, found.time)

    def _attempt(self, upload: Upload, seen: Object, uploaded: datetime) -> str:
        """Start the job, unless that was done lately or often enough."""
        before, record = known, _ = records.attempts(self._notes, upload, seen.version)
        # What waits in a queue has not been attempted; what has failed does not wait any more.
        starter = self._choose(seen.size, before.fallback)
        waits = self._plan.waits(starter, uploaded, before.last)
        failure = None
        if waits or before.last > records.NEVER:
            failure = records.failure(self._notes, upload, max(uploaded, before.last))
        cant_start = failure is not None and not failure.started and before.last > records.NEVER
        if cant_start:
            known = before.taken_back()
        if self._plan.dry_run:
            return CANT_START if cant_start else DUE
        now = self._now()
        if cant_start:
            if self._plan.patient and now < known.last + self._plan.pause(known.not_begun):
                return CANT_START
        elif now < before.last + self._plan.patience or (waits and not failure):
            return WAITING
        if known.made >= self._plan.max_attempts:
            return self._give_up(upload, known, record, uploaded)
        if not self._pace.wait(self._plan.ends):
            return OUT_OF_TIME
        # Counted before it is started: a sweep that is ended in between has counted one too many,
        # and no upload is started once too often.
        not_begun = known.not_begun if cant_start else 0
        claim = known._replace(made=known.made + 1, last=now, not_begun=not_begun, reprocess="")
        self._start(upload, starter, before, claim, record)
        return STARTED_AGAIN if cant_start else STARTED

    def _reprocess(self, upload: Upload, seen: Object) -> str:
        """Start the job of an upload that has a result, unless that was done lately.

        That is no attempt: the result that it has stays until there is another one.
        """
        assert self._plan.reprocess
        before, record = records.attempts(self._notes, upload, seen.version)
        now = self._now()
        if before.reprocess == self._plan.reprocess and now < before.last + self._plan.patience:
            return WAITING
        if self._plan.dry_run:
            return DUE
        if not self._pace.wait(self._plan.ends):
            return OUT_OF_TIME
        claim = before._replace(last=now, reprocess=self._plan.reprocess)
        self._start(upload, self._choose(seen.size, before.fallback), before, claim, record)
        return STARTED

    def _start(
        self,
        upload: Upload,
        starter: Starter,
        before: records.Attempts,
        claim: records.Attempts,
        record: Object | None,
    ) -> None:
        """Claim the start, so that no other sweep makes it, and make it."""
        records.put_attempts(self._notes, upload, claim, record)
        try:
            starter.start(upload, claim.reprocess or None)
        except Exception:
            _, claimed = records.attempts(self._notes, upload, claim.version)
            records.put_attempts(self._notes, upload, before, claimed)
            raise

    def _give_up(
        self, upload: Upload, attempts: records.Attempts, record: Object | None, uploaded: datetime
    ) -> str:
        """Reject the upload as its job would."""
        last = records.last_failure(self._notes, upload, uploaded)
        reason = f"gave up after {attempts.made} attempts" + (
            f"; the last: {last}" if last else "; none of them left a reason: see the jobs' log"
        )

        settings = replace(self._settings, mode="sweep")
        report = job.reject(upload, attempts.version, reason, self._store, settings, self._log)
        if report.outcome != "rejected":
            return CURRENT
        # Who removes the rejection wants the upload to be tried again, from the first attempt on.
        anew = attempts._replace(made=0, last=records.NEVER, not_begun=0)
        records.put_attempts(self._notes, upload, anew, record)
        return GAVE_UP


class Pace:
    """Lets through so many a second, whichever thread asks."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, ends: float) -> bool:
        """Wait for one's turn. False: it does not come before the end."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            if turn >= ends:
                return False
            self._next = turn + self._interval
        time.sleep(max(0.0, turn - time.monotonic()))
        return True


def as_json(progress: Progress) -> dict[str, object]:
    """For the log, and for whoever invoked the function."""
    said = asdict(progress) | {"outcomes": dict(sorted(progress.outcomes.items()))}
    times = {n: each.isoformat() for n, each in said.items() if isinstance(each, datetime)}
    return said | times
