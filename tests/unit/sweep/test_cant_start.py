"""What can't start is no attempt: it is started again, with growing pauses."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta

import pytest
from processing import records
from processing.errors import NotStarted
from processing.events import Upload

from tests.support.swept_bucket import HOUR, Bucket, failure, waits_six_hours


class Outage:
    """An engine that takes each job, and reports after a while that it could not begin it."""

    def __init__(self, bucket: Bucket, hours: float, reported_after: timedelta) -> None:
        self._bucket, self._after = bucket, reported_after
        self._ends = bucket.now + hours * HOUR
        self._start = bucket.start
        self._reports: list[tuple[datetime, Upload]] = []
        self.starts: list[datetime] = []
        bucket.start = self.start

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        self.starts.append(self._bucket.now)
        if self._bucket.now >= self._ends:
            self._start(upload)
        else:
            self._reports.append((self._bucket.now + self._after, upload))

    def report(self) -> None:
        """What has been reported when the next sweep begins."""
        for time, upload in self._reports:
            if time <= self._bucket.now + HOUR:
                said = {**upload._asdict(), "reason": "no image", "started": False}
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
    attempts, _ = records.attempts(
        bucket.store, Upload("uploads", "input/a"), bucket.store.head("input/a").version
    )
    assert (attempts.made, attempts.not_begun) == (1, 0)


class Refusing:
    """An engine without room."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, upload: Upload, job_version: str | None) -> None:
        self.asked += 1
        raise NotStarted("no room")


def test_a_failure_of_its_own_event_takes_nothing_back(bucket):
    """It was no start of the sweep's."""
    bucket.store.upload("input/a", b"crash")
    records.put_failure(bucket.store, failure("no image", bucket.now, started=False))
    # Under MaxTasks, too, where a failure tells that it does not wait for its turn.
    assert bucket.sweep(waits=lambda starter, uploaded, last: True) == {"started": 1}
    assert [bucket.sweep() for _ in range(3)] == [*[{"started": 1}] * 2, {"gave_up": 1}]
