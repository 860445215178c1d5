"""After so many attempts an upload is rejected, until somebody asks for it again."""

from __future__ import annotations

import json
from datetime import timedelta

from processing import records

from tests.support.swept_bucket import BEGAN, HOUR, Bucket, failure


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
