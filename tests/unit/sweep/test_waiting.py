"""A job that waits for its turn has not been attempted."""

from __future__ import annotations

from processing import records
from processing.events import Upload

from tests.support.swept_bucket import HOUR, failure, waits_six_hours


def test_a_job_that_may_wait_for_its_turn_is_no_attempt_that_failed(bucket):
    """It would be given up before it was tried."""
    bucket.store.upload("input/a", b"good")
    queued: list[Upload] = []
    run_now, bucket.start = bucket.start, lambda upload, _: queued.append(upload)
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
