"""The sweep on a bucket in memory, with a clock that stands still between sweeps."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import reconcile
from hypothesis import given, settings
from hypothesis import strategies as st
from processing import job, records
from processing.errors import Conflict, Failed, NotStarted, Rejected, StoreError
from processing.events import Upload
from processing.objects import Listed, fits
from processing.settings import Settings
from reconcile import FAILURES_IN_A_ROW, Plan, Progress, Sweep
from state import State, load, save

from tests.support.memory_store import MemoryStore

GRACE = timedelta(minutes=30)
HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
OLD = BEGAN - 3 * HOUR
SETTINGS = Settings(processor=lambda body, content_type: (body.upper(), content_type))
PLAN = Plan(grace=GRACE, max_attempts=3, rate=1e9)


class Bucket:
    """A bucket, its clock, and an engine that runs each job at once."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = BEGAN
        self.store.clock = lambda: self.now
        self.started: Counter[str] = Counter()
        self.problem: Exception | None = None
        """What the engine says instead of starting a job."""

    def start(self, upload: Upload) -> None:
        if self.problem:
            raise self.problem
        self.started[upload.key] += 1
        body = self.store.body(upload.key) or b""
        if body == b"crash":  # no report, no result
            return
        with contextlib.suppress(Failed):
            job.run(upload, self.store, SETTINGS, log=lambda line: None)

    def sweep(self, **plan: object) -> dict[str, int]:
        """What a sweep does an hour later."""
        return dict(self.run(**plan).outcomes)

    def run(self, **plan: object) -> Progress:
        self.now += HOUR
        chosen = Plan(**{**PLAN.__dict__, **plan})
        return Sweep(
            *(self.store, SETTINGS, lambda size, fallback: self, chosen),
            now=lambda: self.now,
            log=lambda line: None,
        ).run(self.now)

    def reason(self, name: str) -> str:
        record = self.store.body(f"rejected/{name}.json")
        assert record, f"{name} is not rejected"
        return str(json.loads(record)["reason"])


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_what_has_no_result_is_started_and_then_left_alone(bucket):
    bucket.store.upload("input/a", b"a")
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"A"
    assert bucket.sweep() == {"current": 1}


def test_a_young_upload_is_left_to_its_own_event(bucket):
    bucket.now += HOUR - GRACE + timedelta(seconds=1)
    bucket.store.upload("input/a", b"a")
    bucket.now = BEGAN
    assert bucket.sweep() == {"young": 1}
    assert not bucket.started


def test_folder_markers_and_strange_records_are_no_matter(bucket):
    for key in ("input/", "input/folder/", "rejected/strange", "output/strange"):
        bucket.store.upload(key, b"")
    assert bucket.sweep() == {}


def test_an_output_of_an_older_version_is_none(bucket):
    bucket.store.upload("input/a", b"a")
    bucket.start(Upload("uploads", "input/a"))
    bucket.store.upload("input/a", b"b")
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"B"


def test_an_older_output_that_came_after_the_newer_upload_is_found_out(bucket):
    """Its job was ended before its last look, and the event of the newer version was lost."""
    old = bucket.store.upload("input/a", b"a")
    bucket.now += timedelta(seconds=1)
    bucket.store.upload("input/a", b"b")
    bucket.now += timedelta(seconds=1)
    bucket.store.put("output/a", b"A", "text/plain", {"source-version": old.version}, None)
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"B"


def test_two_results_of_one_upload_become_one(bucket):
    seen = bucket.store.upload("input/a", b"a")
    for key in ("output/a", "rejected/a.json"):
        bucket.store.put(key, b"x", "text/plain", {"source-version": seen.version}, None)
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"x"
    assert bucket.store.body("rejected/a.json") is None


def test_a_young_upload_with_a_result_needs_none(bucket):
    bucket.now += HOUR
    for name in ("a", "b"):
        bucket.store.upload(f"input/{name}", b"x")
    bucket.start(Upload("uploads", "input/a"))
    bucket.now = BEGAN
    assert bucket.sweep() == {"current": 1, "young": 1}


def test_a_dry_run_changes_nothing_and_names_what_it_would_start(bucket):
    bucket.store.upload("input/a", b"a")
    calls = len(bucket.store.calls)
    progress = bucket.run(dry_run=True)
    assert progress.outcomes == {"due": 1}
    assert progress.due == [("input/a", BEGAN.isoformat())]
    assert {operation for operation, _ in bucket.store.calls[calls:]} == {"head"}
    assert not bucket.started


def test_a_job_that_was_started_lately_may_be_under_way(bucket):
    bucket.store.upload("input/a", b"crash")
    assert bucket.sweep() == {"started": 1}
    bucket.now -= HOUR - GRACE / 2
    assert bucket.sweep() == {"waiting": 1}


def test_after_so_many_attempts_the_upload_is_rejected(bucket):
    bucket.store.upload("input/a", b"crash")
    assert [bucket.sweep() for _ in range(5)] == [
        *[{"started": 1}] * 3,
        {"gave_up": 1},
        {"current": 1},
    ]
    assert bucket.started == {"input/a": 3}
    reason = "gave up after 3 attempts; none of them left a reason: see the jobs' log"
    assert bucket.reason("a") == reason


def failure(reason: str, time: datetime, started: bool = True) -> dict[str, object]:
    said = {"bucket": "uploads", "key": "input/a", "reason": reason, "started": started}
    return said | {"time": time.isoformat()}


def test_the_rejection_has_the_last_reason(bucket):
    bucket.store.upload("input/a", b"crash")
    for number in (1, 3, 2):  # messages may come in any order
        time = BEGAN + number * timedelta(minutes=1)
        records.put_failure(bucket.store, failure(f"reason {number}", time))
    for _ in range(4):
        bucket.sweep()
    assert bucket.reason("a") == "gave up after 3 attempts; the last: reason 3"


def test_a_reason_of_an_older_version_is_none(bucket):
    records.put_failure(bucket.store, failure("of another", BEGAN - HOUR))
    bucket.store.upload("input/a", b"crash")
    for _ in range(4):
        bucket.sweep()
    assert "none of them left a reason" in bucket.reason("a")


def test_a_newer_version_has_its_own_attempts(bucket):
    bucket.store.upload("input/a", b"crash")
    for _ in range(3):
        bucket.sweep()
    bucket.store.upload("input/a", b"good")
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"GOOD"


def test_who_removes_the_rejection_has_the_upload_tried_again(bucket):
    bucket.store.upload("input/a", b"crash")
    for _ in range(4):
        bucket.sweep()
    bucket.store.remove("rejected/a.json")
    assert [bucket.sweep() for _ in range(4)] == [*[{"started": 1}] * 3, {"gave_up": 1}]


def test_an_output_that_comes_while_it_is_given_up_stays(bucket):
    seen = bucket.store.upload("input/a", b"crash")
    for _ in range(3):
        bucket.sweep()

    def late_output(operation: str, key: str) -> None:
        if (operation, key) == ("put", "rejected/a.json"):
            bucket.store.before = None
            metadata = {"source-version": seen.version}
            bucket.store.put("output/a", b"late", "text/plain", metadata, None)

    bucket.store.before = late_output
    bucket.sweep()
    assert bucket.store.body("output/a") == b"late"
    assert bucket.store.body("rejected/a.json") is None


def test_an_upload_that_changes_while_it_is_given_up_is_not_rejected(bucket):
    bucket.store.upload("input/a", b"crash")
    for _ in range(3):
        bucket.sweep()

    def overwrite(operation: str, key: str) -> None:
        if operation == "get":
            bucket.store.before = None
            bucket.store.upload("input/a", b"good")

    bucket.store.before = overwrite
    bucket.store.versions.pop("rejected/a.json", None)
    records.put_failure(bucket.store, failure("it crashed", bucket.now))  # the get
    assert bucket.sweep() == {"failed": 1}
    assert bucket.store.body("rejected/a.json") is None
    assert bucket.sweep() == {"started": 1}
    assert bucket.store.body("output/a") == b"GOOD"


def test_a_start_that_did_not_come_about_is_no_attempt(bucket):
    bucket.store.upload("input/a", b"a")
    bucket.problem = NotStarted("throttled")
    for _ in range(5):
        progress = bucket.run()
        assert progress.outcomes == {"not_started": 1}
        assert progress.problem == "input/a: throttled"
    bucket.problem = None
    assert bucket.sweep() == {"started": 1}


def test_a_start_that_is_refused_is_no_attempt_and_stops_no_other(bucket):
    """As by a ClientError: it may be this upload's alone."""
    for name in ("a", "b"):
        bucket.store.upload(f"input/{name}", b"x")
    start = bucket.start

    def refuse(upload: Upload) -> None:
        if upload.key == "input/a":
            raise PermissionError("lambda:InvokeFunction")
        start(upload)

    bucket.start = refuse
    assert bucket.sweep() == {"failed": 1, "started": 1}
    for _ in range(5):
        progress = bucket.run()
        assert progress.outcomes == {"failed": 1, "current": 1}
        assert progress.problem == "input/a: lambda:InvokeFunction"
    bucket.start = start
    assert bucket.sweep() == {"started": 1, "current": 1}


def test_many_that_fail_in_a_row_stop_the_sweep_which_goes_on_after_them(bucket):
    for number in range(1000):
        bucket.store.upload(f"input/{number:04}", b"x")
    bucket.problem = PermissionError("lambda:InvokeFunction")
    progress = bucket.run()
    assert progress.stopped
    failed = progress.outcomes["failed"]
    assert progress.outcomes == {"failed": failed}
    # Those of the same batch may have been looked at before the last of them was counted.
    assert FAILURES_IN_A_ROW <= failed <= 2 * reconcile._BATCH
    assert progress.after == f"{failed - 1:04}"
    bucket.problem = None
    progress = bucket.run(after=progress.after)
    assert (progress.after, progress.stopped) == (None, False)
    assert progress.outcomes == {"started": 1000 - failed}


def test_failures_are_counted_in_the_order_of_the_uploads(bucket):
    """Though each is looked at in a thread of its own, and the first one takes longest."""
    for name in ("a", "b", "c"):
        bucket.store.upload(f"input/{name}", b"x")
    last_is_done = threading.Event()

    def refuse(operation: str, key: str) -> None:
        if key == "input/a":
            assert last_is_done.wait(10)
        if key == "input/c":
            last_is_done.set()
        if key.startswith("input/"):
            raise StoreError("HeadObject", "uploads", key, "403")

    bucket.store.before = refuse
    progress = bucket.run()
    assert progress.outcomes == {"failed": 3}
    assert progress.problem.startswith("input/c: ")


def test_failures_between_others_stop_nothing(bucket):
    for number in range(500):
        bucket.store.upload(f"input/{number:04}", b"x")

    def refuse(operation: str, key: str) -> None:
        if key.startswith("input/") and not key.endswith("0"):
            raise StoreError("HeadObject", "uploads", key, "403")

    bucket.store.before = refuse
    assert bucket.sweep() == {"failed": 450, "started": 50}


def test_what_concerns_all_is_raised_and_the_place_is_known(bucket):
    for number in range(300):
        bucket.store.upload(f"input/{number:04}", b"x")
    listing = bucket.store.listing

    def denied_at_last(prefix: str, after: str) -> Iterator[Listed]:
        yield from itertools.islice(listing(prefix, after), 280)
        if prefix == "input/":
            raise StoreError("ListBucket", "uploads", prefix, "403 AccessDenied")

    bucket.store.listing = denied_at_last
    bucket.now += HOUR
    run = Sweep(bucket.store, SETTINGS, lambda *_: bucket, PLAN, now=lambda: bucket.now)
    with pytest.raises(StoreError, match="403 AccessDenied"):
        run.run(bucket.now)
    assert run.progress.after == "0255"
    assert run.progress.outcomes == {"started": 256}


@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_of_two_sweeps_at_once_one_starts_the_job(bucket, attempts):
    bucket.store.upload("input/a", b"crash")
    for _ in range(attempts):
        bucket.sweep()

    def other(operation: str, key: str) -> None:
        if operation == "put":
            bucket.store.before = None
            bucket.now -= HOUR
            assert bucket.sweep() == {"started": 1}

    bucket.store.before = other
    assert bucket.sweep() == {"waiting": 1}
    assert bucket.started == {"input/a": attempts + 1}


def waits_six_hours(bucket: Bucket) -> dict[str, object]:
    """As Lambda keeps an event that it has no function for."""
    return {"waits": lambda starter, uploaded, last: bucket.now < last + 6 * HOUR}


def test_a_job_that_may_wait_for_its_turn_is_no_attempt_that_failed(bucket):
    """It would be given up before it was tried."""
    bucket.store.upload("input/a", b"good")
    queued: list[Upload] = []
    run_now, bucket.start = bucket.start, queued.append
    found = [bucket.sweep(**waits_six_hours(bucket)) for _ in range(7)]
    assert found == [{"started": 1}, *[{"waiting": 1}] * 5, {"started": 1}]
    for upload in queued:
        run_now(upload)
    assert bucket.sweep() == {"current": 1}
    assert bucket.store.body("output/a") == b"GOOD"


def test_a_job_that_failed_waits_no_more(bucket):
    bucket.store.upload("input/a", b"crash")
    for number in range(3):
        assert bucket.sweep(**waits_six_hours(bucket)) == {"started": 1}
        # EventBridge gives its times in whole seconds.
        time = bucket.now.replace(microsecond=0)
        records.put_failure(bucket.store, failure(f"reason {number}", time))
    assert bucket.sweep(**waits_six_hours(bucket)) == {"gave_up": 1}


def test_a_failure_before_the_last_attempt_says_nothing_of_it(bucket):
    bucket.store.upload("input/a", b"crash")
    records.put_failure(bucket.store, failure("by its event", bucket.now + HOUR / 2))
    assert bucket.sweep(**waits_six_hours(bucket)) == {"started": 1}
    assert bucket.sweep(**waits_six_hours(bucket)) == {"waiting": 1}


def test_an_upload_that_s3_refuses_does_not_stop_the_others(bucket):
    for name in ("a", "b", "c"):
        bucket.store.upload(f"input/{name}", b"x")

    def refuse(operation: str, key: str) -> None:
        if key == "input/b":
            raise StoreError("HeadObject", "uploads", key, "503 SlowDown")

    bucket.store.before = refuse
    progress = bucket.run()
    assert progress.outcomes == {"started": 2, "failed": 1}
    assert progress.problem == "input/b: s3:HeadObject on uploads/input/b: 503 SlowDown"
    assert progress.unsettled == BEGAN


def test_only_what_is_under_the_prefix_is_looked_at(bucket):
    for name in ("2025/a", "2026/a", "2026/b", "2027/a"):
        bucket.store.upload(f"input/{name}", b"x")
    assert bucket.sweep(prefix="2026/") == {"started": 2}
    assert bucket.started.keys() == {"input/2026/a", "input/2026/b"}


def test_a_sweep_without_time_says_where_to_go_on(bucket):
    for number in range(5):
        bucket.store.upload(f"input/{number}", b"x")
    progress = bucket.run(after="1", ends=0)
    assert (progress.after, progress.outcomes) == ("1", {})
    progress = bucket.run(after="1")
    assert (progress.after, progress.outcomes) == (None, {"started": 3})


def test_the_oldest_that_is_left_unsettled_is_named(bucket):
    bucket.store.upload("input/b", b"crash")
    bucket.now += timedelta(seconds=1)
    bucket.store.upload("input/a", b"crash")
    assert bucket.run().unsettled == BEGAN


def test_results_that_were_examined_are_not_looked_at_again(bucket):
    bucket.store.upload("input/a", b"a")
    bucket.start(Upload("uploads", "input/a"))
    assert bucket.sweep() == {"current": 1}
    calls = len(bucket.store.calls)
    assert bucket.sweep(examined=BEGAN + timedelta(seconds=1)) == {"current": 1}
    assert len(bucket.store.calls) == calls
    assert bucket.sweep(examined=BEGAN) == {"current": 1}
    assert len(bucket.store.calls) == calls + 3


class Schedule:
    """Hourly sweeps with their state, over a bucket into which ten good uploads an hour come."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._state = State()
        self._names = itertools.count()

    def heads(self, **plan: object) -> int:
        """The HEADs of the next sweep."""
        bucket = self._bucket
        for _ in range(10):
            key = f"input/{next(self._names):06}"
            bucket.store.upload(key, b"good")
            bucket.start(Upload("uploads", key))
        before = len(bucket.store.calls)
        progress = bucket.run(examined=self._state.examined, **plan)
        self._state = self._state.following(progress, bucket.now, GRACE, backlog=False)
        return sum(operation == "head" for operation, _ in bucket.store.calls[before:])


def never(operation: str, key: str) -> None:
    if key == "input/~poison":
        raise StoreError("HeadObject", "uploads", key, "403 AccessDenied")


@pytest.mark.parametrize(
    ("names", "older", "plan", "refuse"),
    [
        pytest.param(["~poison"], None, {}, never, id="one that is refused"),
        pytest.param(["~poison", "~poison-b"], None, {}, never, id="before a name like its own"),
        pytest.param(["~poison"], b"old", {}, never, id="with the result of an older version"),
        pytest.param(["~poison"], None, {"max_attempts": 10**9}, None, id="one that crashes"),
        pytest.param(
            [f"~{number}" for number in range(50)],
            *(None, {"waits": lambda starter, uploaded, last: True}, None),
            id="a backlog",
        ),
    ],
)
def test_what_stays_unsettled_costs_no_more_from_sweep_to_sweep(bucket, names, older, plan, refuse):
    """Whatever settles after it is looked at once."""
    for name in names:
        if older:
            bucket.store.upload(f"input/{name}", older)
            bucket.start(Upload("uploads", f"input/{name}"))
            bucket.now += HOUR
        bucket.store.upload(f"input/{name}", b"crash")
    bucket.store.before = refuse
    schedule = Schedule(bucket)
    heads = [schedule.heads(**plan) for _ in range(100)]
    assert max(heads[5:]) <= heads[5]  # before, one of them may be given up
    assert heads[5] <= 10 * 3 + len(names) * 6


@pytest.mark.parametrize("size", [1016, 1017, 1024])
@pytest.mark.parametrize(("body", "last"), [(b"good", "started"), (b"crash", "gave_up")])
def test_an_upload_whose_record_would_have_too_long_a_key_ends_all_the_same(
    bucket, size, body, last
):
    """rejected/ and .json are eight bytes more than input/."""
    key = "input/" + "ü" * 500
    key += "x" * (size - len(key.encode()))
    bucket.store.upload(key, body)
    found = [bucket.sweep() for _ in range(4)]
    assert found[0 if body == b"good" else 3] == {last: 1}
    for _ in range(3):
        assert bucket.sweep() == {"current": 1}


@pytest.mark.parametrize("output", [1024, 1025])
def test_an_output_whose_key_would_be_too_long_is_a_rejection_that_says_so(bucket, output):
    chosen = replace(SETTINGS, output_prefix="out/" * 10)
    key = "input/" + "x" * (output - 40)
    upload = bucket.store.upload(key, b"good")
    report = job.run(Upload("uploads", key), bucket.store, chosen, log=lambda line: None)
    assert report.outcome == ("succeeded" if output == 1024 else "rejected")
    assert output == 1024 or "would have 1025 bytes" in report.reason
    again = job.run(Upload("uploads", key), bucket.store, chosen, log=lambda line: None)
    assert (again.outcome, again.version) == ("unchanged", upload.version)


def test_no_two_uploads_have_the_same_record(bucket):
    """However alike their names, and whatever name somebody chooses to have another's record."""
    longest = "input/" + "x" * 1018
    keys = {longest, longest[:-1] + "y", longest[:-1]}
    records = {job.result_keys(key, SETTINGS)[1] for key in keys}
    assert len(records) == 3
    assert not any(record.endswith(".json") for record in records)
    assert all(fits(record) for record in records)


class Outage:
    """An engine that takes each job, and reports after a while that it could not begin it."""

    def __init__(self, bucket: Bucket, hours: float, reported_after: timedelta) -> None:
        self._bucket, self._after = bucket, reported_after
        self._ends = bucket.now + hours * HOUR
        self._start = bucket.start
        self._reports: list[tuple[datetime, Upload]] = []
        self.starts: list[datetime] = []
        bucket.start = self.start

    def start(self, upload: Upload) -> None:
        self.starts.append(self._bucket.now)
        if self._bucket.now >= self._ends:
            self._start(upload)
        else:
            self._reports.append((self._bucket.now + self._after, upload))

    def report(self) -> None:
        """What has been reported when the next sweep begins."""
        for time, upload in self._reports:
            if time <= self._bucket.now + HOUR:
                said = {"key": upload.key, "reason": "no image", "started": False}
                time = time.replace(microsecond=0).isoformat()
                records.put_failure(self._bucket.store, {**said, "time": time})


@pytest.mark.parametrize(
    ("hours", "reported_after", "waits", "healed_within"),
    [
        pytest.param(4, timedelta(seconds=50), False, 5, id="a full subnet for four hours"),
        pytest.param(24, timedelta(seconds=50), False, 17, id="a wrong image for a day"),
        pytest.param(14, 6 * HOUR, True, 18, id="a throttled function for 14 hours"),
        pytest.param(24 * 14, timedelta(seconds=50), False, 26, id="a wrong setting for two weeks"),
    ],
)
def test_what_never_began_is_not_given_up_and_goes_on_when_it_heals(
    bucket, hours, reported_after, waits, healed_within
):
    uploaded = bucket.now
    bucket.store.upload("input/a", b"good")
    outage = Outage(bucket, hours, reported_after)
    plan = waits_six_hours(bucket) if waits else {}
    cant_start = False
    while bucket.store.body("output/a") is None:
        outage.report()
        progress = bucket.run(**plan)
        assert not progress.outcomes["gave_up"]
        cant_start = cant_start or progress.cant_start == 1
        assert bucket.now < uploaded + (hours + healed_within) * HOUR
    assert cant_start
    assert bucket.store.body("output/a") == b"GOOD"
    assert bucket.run(**plan).cant_start == 0


def test_the_pauses_of_what_cant_start_grow_to_a_day(bucket):
    bucket.store.upload("input/a", b"good")
    outage = Outage(bucket, 24 * 7, timedelta(seconds=50))
    seen = Counter()
    for _ in range(24 * 6):
        outage.report()
        progress = bucket.run()
        seen += progress.outcomes
        assert progress.cant_start == (len(outage.starts) > 1 or "started" not in progress.outcomes)
    hours = [(b - a) / HOUR for a, b in itertools.pairwise(outage.starts)]
    assert hours == [1, 2, 4, 8, 16, 24, 24, 24, 24]
    assert seen == {"started": 1, "started_again": 9, "cant_start": 24 * 6 - 10}


def test_who_sweeps_by_hand_need_not_wait_for_what_is_mended(bucket):
    bucket.store.upload("input/a", b"good")
    outage = Outage(bucket, 100, timedelta(seconds=50))
    for _ in range(30):
        outage.report()
        bucket.sweep()
    assert bucket.run(patient=False, dry_run=True).outcomes == {"cant_start": 1}
    outage._ends = bucket.now
    assert bucket.sweep(patient=False) == {"started_again": 1}
    assert bucket.sweep() == {"current": 1}


def test_what_began_after_it_could_not_has_all_its_attempts(bucket):
    """And a start that the engine does not take changes nothing."""
    bucket.store.upload("input/a", b"crash")
    outage = Outage(bucket, 10, timedelta(seconds=50))
    for _ in range(14):
        outage.report()
        bucket.sweep(patient=False)
    assert bucket.sweep() == {"current": 1}
    assert bucket.started == {"input/a": 3}
    assert len(outage.starts) == 9 + 3

    bucket.store.upload("input/a", b"crash again")
    outage._ends = bucket.now + 2 * HOUR
    assert bucket.sweep() == {"started": 1}
    outage.report()
    bucket.start = bucket_that_refuses = Refusing()
    for _ in range(5):
        assert bucket.sweep(patient=False) == {"not_started": 1}
    assert bucket_that_refuses.asked == 5
    attempts, _ = records.attempts(bucket.store, "input/a", bucket.store.head("input/a").version)
    assert (attempts.made, attempts.not_begun) == (1, 0)


class Refusing:
    """An engine without room."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, upload: Upload) -> None:
        self.asked += 1
        raise NotStarted("no room")


def test_a_failure_of_its_own_event_takes_nothing_back(bucket):
    """It was no start of the sweep's."""
    bucket.store.upload("input/a", b"crash")
    records.put_failure(bucket.store, failure("no image", bucket.now, started=False))
    # Under MaxTasks, too, where a failure tells that it does not wait for its turn.
    assert bucket.sweep(waits=lambda starter, uploaded, last: True) == {"started": 1}
    assert [bucket.sweep() for _ in range(3)] == [*[{"started": 1}] * 2, {"gave_up": 1}]


def given_up(bucket: Bucket, *names: str) -> None:
    for name in names:
        bucket.store.upload(f"input/{name}", b"crash")
    for _ in range(4):
        bucket.sweep()


def test_a_rejection_after_all_attempts_says_so_in_a_field_of_its_own(bucket):
    given_up(bucket, "a")
    record, body = bucket.store.current("rejected/a.json")
    assert json.loads(body)["gave_up"] is True
    assert record.metadata["gave-up"] == "yes"


def test_what_was_given_up_is_started_again_on_demand(bucket):
    given_up(bucket, "2025/a", "2026/a", "2026/a-b")
    bad = bucket.store.upload("input/2026/bad", b"no picture")
    bucket.store.put("rejected/2026/bad.json", b"{}", "text", {"source-version": bad.version}, None)
    chosen = {"given_up": True, "prefix": "2026/"}
    assert bucket.sweep(prefix="2026/") == {"current": 3}
    assert bucket.sweep(**chosen, dry_run=True) == {"due": 2, "current": 1}
    assert bucket.sweep(prefix="2026/") == {"current": 3}
    assert bucket.sweep(**chosen) == {"started": 2, "current": 1}
    assert bucket.store.body("rejected/2026/a.json") is None
    assert bucket.store.body("rejected/2025/a.json")
    # From the first attempt on.
    assert [bucket.sweep(prefix="2026/a") for _ in range(3)] == [
        *[{"started": 2}] * 2,
        {"gave_up": 2},
    ]


def test_what_was_given_up_and_is_current_by_now_stays(bucket):
    """Its rejection is replaced while the sweep looks."""
    given_up(bucket, "a")

    def late_output(operation: str, key: str) -> None:
        if operation == "delete":
            bucket.store.before = None
            seen = bucket.store.head("rejected/a.json")
            bucket.store.put("rejected/a.json", b"{} ", "text", seen.metadata, seen)

    bucket.store.before = late_output
    assert bucket.sweep(given_up=True) == {"waiting": 1}
    assert bucket.store.body("rejected/a.json") == b"{} "


BODIES = [b"good", b"bad", b"crash", b"fails"]
EVENTS = ["upload", "start", "stale output", "remove output", "remove upload", "sweep"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from("abc"), st.sampled_from(BODIES)))
)
def test_every_upload_ends_with_one_current_result_after_so_many_attempts(history):
    """Whatever happened before: as many sweeps as there are attempts, and one that gives up."""

    def processor(body: bytes, content_type: str) -> tuple[bytes, str]:
        if body == b"bad":
            raise Rejected("bad")
        if body == b"fails":
            raise Failed("this time")
        return body, content_type

    bucket = Bucket()
    chosen = Settings(processor=processor)

    def start(upload: Upload) -> None:
        if bucket.store.body(upload.key) == b"crash":
            return
        bucket.started[upload.key] += 1
        with contextlib.suppress(Failed):
            job.run(upload, bucket.store, chosen, log=lambda line: None)

    bucket.start = start
    state = State()

    def sweep() -> None:
        nonlocal state
        progress = bucket.run(examined=state.examined)
        state = state.following(progress, bucket.now, GRACE, backlog=False)

    for event, name, body in history:
        bucket.now += timedelta(seconds=1)
        key, output = f"input/{name}", f"output/{name}"
        if event == "upload":
            bucket.store.upload(key, body)
        elif event == "start":
            bucket.start(Upload("uploads", key))
        elif event == "stale output" and len(versions := bucket.store.versions.get(key, [])) > 1:
            # A job of the version before, ended between its last two calls. None takes longer
            # than the grace period: that is a limit of the sweep (docs/OPERATIONS.md).
            newest = versions[-1]
            late = newest and bucket.now >= newest[0].modified + GRACE
            if versions[-2] and not late and not bucket.store.current(output):
                metadata = {"source-version": versions[-2][0].version}
                bucket.store.put(output, b"stale", "text/plain", metadata, None)
        elif event.startswith("remove"):
            bucket.store.remove(output if event == "remove output" else key)
        else:
            sweep()
    for _ in range(PLAN.max_attempts + 2):
        sweep()
    for key, versions in bucket.store.versions.items():
        if key.startswith("input/") and versions[-1]:
            found = [bucket.store.current(each) for each in job.result_keys(key, SETTINGS)]
            named = [each[0].metadata["source-version"] for each in found if each]
            assert named == [versions[-1][0].version]


def test_the_state_goes_through_the_bucket():
    store = MemoryStore()
    assert load(store) == (State(), None)
    for state in (State("ü", BEGAN, None, BEGAN - HOUR), State(examined=BEGAN)):
        save(store, state, load(store)[1])
        assert load(store)[0] == state


def test_a_state_that_another_run_replaced_is_not_overwritten():
    store = MemoryStore()
    save(store, State("a"), None)
    with pytest.raises(Conflict):
        save(store, State("b"), None)


@pytest.mark.parametrize(
    ("before", "after", "left", "state"),
    [
        (State(), None, (None, None), State(examined=BEGAN - GRACE)),
        (State(), None, (OLD, None), State(examined=BEGAN - GRACE)),
        (State(), None, (OLD, OLD), State(examined=OLD)),
        (State(examined=BEGAN), "", (None, None), State("", BEGAN, examined=BEGAN)),
        (State(examined=BEGAN), "a", (None, None), State("a", BEGAN, examined=BEGAN)),
        (State("a", BEGAN, OLD), None, (None, None), State(examined=BEGAN - GRACE)),
        (State("a", BEGAN, OLD, OLD), None, (None, None), State(examined=OLD)),
        (State("a", BEGAN, BEGAN - HOUR), "b", (OLD, None), State("b", BEGAN, OLD)),
        (State("a", BEGAN, OLD, OLD), "b", (None, None), State("b", BEGAN, OLD, OLD)),
    ],
)
def test_what_a_run_leaves_to_the_next(before, after, left, state):
    progress = Progress(after, Counter(), *left)
    assert before.following(progress, BEGAN, GRACE, backlog=False) == state


@pytest.mark.parametrize(
    ("before", "after", "unsettled", "said"),
    [
        (State(), None, None, {"unsettled_seconds": 0, "cant_start": 0}),
        (State(), "a", None, {}),
        (State(), "a", BEGAN - HOUR, {"unsettled_seconds": 3600}),
        (
            State("a", BEGAN, BEGAN - 2 * HOUR, cant_start=2),
            *(None, BEGAN - HOUR, {"unsettled_seconds": 7200, "cant_start": 2}),
        ),
        (
            State("a", BEGAN, BEGAN - HOUR, cant_start=2),
            *("b", None, {"unsettled_seconds": 3600, "cant_start": 2}),
        ),
    ],
)
def test_the_schedules_sweep_says_how_old_the_oldest_is(before, after, unsettled, said):
    """What earlier slices left counts, and a slice that saw nothing does not speak for all."""
    assert before.left(Progress(after, Counter(), unsettled), BEGAN) == said
