"""What there is to know of one upload (`make status KEY=...`), in each state that it can have."""

from __future__ import annotations

from datetime import datetime, timedelta

import one
import pytest
from plan import Plan
from processing import job, records
from processing.errors import Conflict, Rejected, StoreError
from processing.events import Upload
from processing.settings import Settings
from processing.starters import Lambda

from tests.support.in_process import OnBytes, OnFiles
from tests.support.memory_store import MemoryStore
from tests.support.swept_bucket import GRACE, HOUR, PLAN, SETTINGS, Bucket, failure

SECOND = timedelta(seconds=1)


@pytest.fixture(params=[True, False], ids=["versions", "no versions"])
def bucket(request) -> Bucket:
    return Bucket(store=MemoryStore(versioned=request.param))


def look(bucket: Bucket, key: str = "input/a", **plan: object) -> one.Answer:
    """As the sweep's function does; checks that nothing is written."""
    store, chosen = bucket.store, Plan(**{**PLAN.__dict__, **plan})
    store.calls.clear()
    answer = one.look(Upload(store.name, key), store, store, bucket.settings, chosen, bucket.choose)
    assert {operation for operation, _ in store.calls} <= {"head", "get"}
    return answer


def refuse(body: bytes, content_type: str) -> tuple[bytes, str]:
    raise Rejected("no picture")


def two_files(source, outputs):
    for name in ("1.txt", "2.txt"):
        (outputs / name).write_text(name)


def several() -> Settings:
    return Settings(processor=OnFiles(two_files))


def test_a_key_with_nothing_at_it_is_not_there(bucket):
    assert look(bucket).state == "not_there"


def test_a_bucket_that_is_gone_is_no_upload_that_is_not_there(bucket, monkeypatch):
    def refused(prefix):
        raise StoreError("ListObjectsV2", "uploads", prefix, "404 NoSuchBucket")

    monkeypatch.setattr(bucket.store, "listing", refused)
    with pytest.raises(StoreError, match="NoSuchBucket"):
        look(bucket)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("output/a.png", "the key is outside input/"),
        ("", "the key is outside input/"),
        ("input/folder/", "the key is a folder marker"),
        ("input/a.PNG", "the key does not end in .png"),
        ("input/\udcff.png", "no key of S3 has half a surrogate pair"),
    ],
)
def test_what_is_no_upload_says_why(key, reason):
    bucket = Bucket(Settings(processor=SETTINGS.processor, input_suffix=".png"))
    answer = look(bucket, key)
    assert (answer.state, answer.reason) == ("not_an_upload", reason)


def test_an_output_has_its_key_size_and_type(bucket):
    seen = bucket.store.upload("input/a", b"good")
    bucket.start(Upload("uploads", "input/a"))
    answer = look(bucket)
    assert (answer.state, answer.version) == ("succeeded", seen.version)
    assert answer.uploaded == bucket.now.isoformat()
    assert answer.outputs == [{"key": "output/a", "size": 4, "content_type": "image/png"}]
    assert (answer.output_count, answer.manifest, answer.outdated) == (1, None, None)


@pytest.mark.parametrize("most", [500, 1])
def test_of_several_outputs_those_in_the_manifest_are_named(bucket, monkeypatch, most):
    monkeypatch.setattr(one, "MOST_OUTPUTS", most)
    bucket.settings = several()
    bucket.store.upload("input/a", b"x")
    bucket.start(Upload("uploads", "input/a"))
    answer = look(bucket)
    assert (answer.state, answer.manifest, answer.output_count) == ("succeeded", "output/a", 2)
    assert len(answer.outputs) == min(most, 2)
    for number, output in enumerate(answer.outputs, 1):
        assert bucket.store.body(output["key"]) == f"{number}.txt".encode()
        assert (output["size"], output["content_type"]) == (5, "text/plain")


def test_the_jobs_version_of_a_result_is_said(bucket):
    bucket.settings = Settings(processor=SETTINGS.processor, job_version="7")
    bucket.store.upload("input/a", b"good")
    bucket.start(Upload("uploads", "input/a"))
    assert look(bucket).job_version == "7"


def test_a_rejection_says_its_reason(bucket):
    bucket.settings = Settings(processor=OnBytes(refuse))
    bucket.store.upload("input/a", b"bad")
    bucket.start(Upload("uploads", "input/a"))
    answer = look(bucket)
    assert (answer.state, answer.reason, answer.gave_up) == ("rejected", "no picture", False)


def test_a_rejection_that_was_archived_is_one_all_the_same(bucket, monkeypatch):
    bucket.settings = Settings(processor=OnBytes(refuse))
    bucket.store.upload("input/a", b"bad")
    bucket.start(Upload("uploads", "input/a"))

    def archived(seen):
        raise Rejected("it is archived")

    monkeypatch.setattr(bucket.store, "get", archived)
    answer = look(bucket)
    assert (answer.state, answer.reason) == ("rejected", None)


def test_what_was_given_up_says_so(bucket):
    bucket.store.upload("input/a", b"crash")
    while bucket.sweep() != {"gave_up": 1}:
        pass
    answer = look(bucket)
    assert (answer.state, answer.gave_up) == ("rejected", True)
    assert "gave up after 3 attempts" in (answer.reason or "")


def test_with_two_results_the_output_counts(bucket):
    """A job was ended before it could remove the rejection."""
    seen = bucket.store.upload("input/a", b"good")
    bucket.start(Upload("uploads", "input/a"))
    bucket.store.put("rejected/a.json", b"{}", "", {"source-version": seen.version}, None)
    assert look(bucket).state == "succeeded"


def test_a_new_upload_waits(bucket):
    seen = bucket.store.upload("input/a", b"good")
    answer = look(bucket)
    assert (answer.state, answer.version, answer.reason) == ("waiting", seen.version, None)
    assert (answer.attempts, answer.max_attempts) == (0, 3)


def test_an_outdated_result_is_named_while_the_new_one_waits(bucket):
    old = bucket.store.upload("input/a", b"good")
    bucket.start(Upload("uploads", "input/a"))
    bucket.now += HOUR
    new = bucket.store.upload("input/a", b"better")
    answer = look(bucket)
    assert (answer.state, answer.version, answer.outputs) == ("waiting", new.version, [])
    assert answer.outdated is not None
    assert (answer.outdated["state"], answer.outdated["version"]) == ("succeeded", old.version)
    assert [each["key"] for each in answer.outdated["outputs"]] == ["output/a"]


def test_the_result_of_an_upload_that_is_gone_is_the_last_word(bucket):
    """As with AfterSuccess=delete."""
    seen = bucket.store.upload("input/a", b"good")
    bucket.start(Upload("uploads", "input/a"))
    bucket.store.remove("input/a")
    answer = look(bucket)
    assert (answer.state, answer.version, answer.uploaded) == ("succeeded", seen.version, None)
    assert [each["key"] for each in answer.outputs] == ["output/a"]


def test_a_failure_of_its_own_event_is_said(bucket):
    bucket.store.upload("input/a", b"crash")
    bucket.now += 60 * SECOND
    records.put_failure(bucket.store, failure("out of luck", bucket.now))
    answer = look(bucket)
    assert (answer.state, answer.reason, answer.attempts) == ("failed", "out of luck", 0)


def test_a_failure_of_an_earlier_upload_says_nothing_of_this_one(bucket):
    records.put_failure(bucket.store, failure("out of luck", bucket.now))
    bucket.now += HOUR
    bucket.store.upload("input/a", b"good")
    answer = look(bucket)
    assert (answer.state, answer.reason) == ("waiting", None)


def test_what_was_started_again_waits_and_says_its_last_failure(bucket):
    bucket.store.upload("input/a", b"crash")
    records.put_failure(bucket.store, failure("out of luck", bucket.now + 60 * SECOND))
    assert bucket.sweep() == {"started": 1}
    answer = look(bucket)
    assert (answer.state, answer.reason, answer.attempts) == ("waiting", "out of luck", 1)
    records.put_failure(bucket.store, failure("again", bucket.now + 60 * SECOND))
    answer = look(bucket)
    assert (answer.state, answer.reason, answer.attempts) == ("failed", "again", 1)


@pytest.mark.parametrize("started_by_a_sweep", [True, False])
def test_what_can_not_start_is_no_attempt(bucket, started_by_a_sweep):
    bucket.store.upload("input/a", b"crash")
    if started_by_a_sweep:
        bucket.sweep()
    records.put_failure(bucket.store, failure("no image", bucket.now + SECOND, started=False))
    answer = look(bucket)
    assert (answer.state, answer.reason, answer.attempts) == ("cant_start", "no image", 0)


def test_a_task_that_runs_for_it_is_said_and_no_next_try(bucket):
    bucket.store.upload("input/a", b"crash")
    bucket.sweep()
    answer = look(bucket, running=frozenset({"input/a"}), begins=GRACE)
    assert (answer.state, answer.attempts, answer.next_try) == ("running", 1, None)


def never_begun(bucket: Bucket, times: int) -> None:
    """Sweeps, each of whose starts came to no job."""
    for _ in range(times):
        bucket.sweep(patient=False)
        said = failure("no image", bucket.now + SECOND, started=False)
        records.put_failure(bucket.store, said)


@pytest.mark.parametrize(
    ("history", "what"),
    [
        pytest.param(lambda bucket: None, "started", id="uploaded"),
        pytest.param(Bucket.sweep, "started", id="started once"),
        pytest.param(
            lambda bucket: records.put_failure(bucket.store, failure("x", bucket.now, False)),
            "started",
            id="its event came to nothing",
        ),
        pytest.param(lambda bucket: never_begun(bucket, 1), "started_again", id="can't start"),
        pytest.param(lambda bucket: never_begun(bucket, 4), "started_again", id="for long"),
        pytest.param(lambda bucket: never_begun(bucket, 12), "started_again", id="for days"),
        pytest.param(
            lambda bucket: [bucket.sweep() for _ in range(3)], "gave_up", id="tried often enough"
        ),
    ],
)
def test_the_next_try_is_when_a_sweep_makes_it_and_not_before(bucket, history, what):
    bucket.store.upload("input/a", b"crash")
    history(bucket)
    answer = look(bucket)
    assert answer.next_try is not None
    assert (answer.attempts >= 3) == (what == "gave_up")
    due = datetime.fromisoformat(answer.next_try)
    bucket.now = due - SECOND - HOUR  # a sweep comes an hour later
    assert bucket.sweep().keys() <= {"young", "waiting", "cant_start"}
    bucket.now = due - HOUR
    assert bucket.sweep() == {what: 1}


class Function(Lambda):
    """What starts functions, without AWS."""

    def __init__(self) -> None:
        pass


def test_what_waits_for_a_function_is_tried_when_lambda_no_longer_keeps_it(bucket):
    bucket.store.upload("input/a", b"crash")
    bucket.sweep()
    bucket.choose = lambda size, fallback: Function()
    answer = look(bucket, waits=lambda starter, uploaded, last: True)
    assert answer.next_try == (bucket.now + 6 * HOUR).isoformat()


def test_what_waits_for_its_turn_has_no_next_try(bucket):
    bucket.store.upload("input/a", b"crash")
    bucket.sweep()
    answer = look(bucket, waits=lambda starter, uploaded, last: True)
    assert (answer.state, answer.next_try) == ("waiting", None)


def test_what_changes_while_it_is_looked_at_is_looked_at_again(bucket):
    upload = Upload("uploads", "input/a")
    bucket.settings = several()
    bucket.store.upload(upload.key, b"x")
    bucket.start(upload)

    def another_upload(operation: str, key: str) -> None:
        if (operation, key) == ("get", "output/a"):
            bucket.store.before = None
            bucket.store.upload(upload.key, b"y")
            job.run(upload, bucket.store, bucket.settings, log=lambda line: None)
            bucket.store.calls.clear()

    bucket.store.before = another_upload
    answer = look(bucket)
    assert answer.state == "succeeded"
    assert answer.version == bucket.store.head(upload.key).version


def test_what_changes_all_the_time_is_said(bucket):
    bucket.settings = several()
    bucket.store.upload("input/a", b"x")
    bucket.start(Upload("uploads", "input/a"))

    def replaced(operation: str, key: str) -> None:
        if operation == "get":
            bucket.store.upload(key, bucket.store.body(key) + b" ", metadata={"run": "x"})

    bucket.store.before = replaced
    with pytest.raises(Conflict, match="output/a"):
        look(bucket)
