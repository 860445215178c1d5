"""Find uploads without a current result and start their jobs: retry, redrive and backfill in one.

Level-triggered like the job: it looks at what is there, whatever came of the events. To start a job
once too often is harmless, so nothing here has to be exact but the number of attempts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from merge import RECORD, Found, Item, merge
from pace import Pace
from plan import Plan
from processing import job, metadata, records, store
from processing.errors import BadSetting, Conflict, NotStarted
from processing.events import Upload
from processing.objects import LONGEST_KEY, Object
from processing.settings import Settings
from progress import (
    CANT_START,
    CURRENT,
    DELETED,
    DUE,
    FAILED,
    GAVE_UP,
    GONE,
    LISTED,
    NOT_STARTED,
    OPEN,
    OUT_OF_TIME,
    RUNNING,
    SHARE,
    STARTED,
    STARTED_AGAIN,
    UNSETTLED,
    WAITING,
    YOUNG,
    Progress,
    Settled,
)
from walk import Walk

if TYPE_CHECKING:
    from processing.starters import Choose, Starter  # which imports boto3


class Store(store.Store, Protocol):
    """What a sweep asks of a bucket beside what a job asks."""

    @property
    def name(self) -> str:
        """The bucket's."""

    def folders(self, prefix: str, mark: str, after: str = "") -> Iterable[str]:
        """What such keys as `listing` gives start with, up to the first `mark` after the prefix.

        Each once, in the order of code points.
        """


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
        notes: store.Store | None = None,
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
        self.progress = Progress(plan.after, Counter())
        """How far `run` is, also when it raised."""

    def run(self, began: datetime) -> Progress:
        """Look at all uploads until the time is out. Raises what stands in the way of all."""
        walk = Walk(self._plan, self._deletes, self._settle)
        if self._count(walk.over(self.found(), began)):
            self.progress.after = None
        self.progress.looked_at, self.progress.stopped = walk.looked_at, walk.stopped
        return self.progress

    @property
    def _deletes(self) -> bool:
        return self._settings.after_success == "delete" and not self._plan.dry_run

    def _count(self, settled: Iterable[Settled]) -> bool:
        """Add what was done to the progress. Whether there was time for all."""
        progress, complete = self.progress, True
        for found, outcome, problem in settled:
            complete = complete and outcome != OUT_OF_TIME
            progress.problem = problem or progress.problem
            if complete:
                progress.after = found.name
            # What was only glanced at behind `after`, the next run comes to again.
            if complete or outcome not in (CURRENT, YOUNG, OUT_OF_TIME):
                progress.outcomes[outcome] += 1
            if outcome == OPEN and progress.outcomes[OPEN] % SHARE == 0:
                progress.shares.append(found.name)
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

        uploads: Iterable[Item] = items(settings.input_prefix)
        if plan.until is not None:
            last = plan.until
            uploads = takewhile(lambda item: item.name <= last, uploads)
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
