"""What can happen to a job between it and S3, at each of its calls: the real entry points, a real
S3 client, and a proxy that strikes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from subprocess import Popen
from typing import NamedTuple

import pytest
from processing.objects import SMALL

from local.pipeline import output_key, rejection_key
from tests.load.entry_points import Bucket, EntryPoints, report_of
from tests.load.judge import repeats
from tests.load.proxy import Call, HangUp, Proxy, Reply, error, hang_up, meet, strike

Maze = Callable[[int], bytes]

MENDED = ["HEAD", "HEAD", "GET", "PUT", "DELETE", "HEAD", "HEAD"]
"""The calls of a job for an upload whose older version had the other result: all that there are.
"""
CALLS = range(len(MENDED))
WRITING = [number for number in CALLS if MENDED[number] in ("PUT", "DELETE")]
MOMENTS = [(number, False) for number in CALLS] + [(number, True) for number in WRITING]
"""Before each call, and after each one that changes something: after any other is before the next.
"""
LAST_LOOK = CALLS[-2]
"""From here on the job looks at the other result and at the upload, side by side."""


class Case(NamedTuple):
    """An upload with a stale result, and what its job must end in."""

    key: str
    version: str
    result: str
    """Its key."""
    bucket: Bucket

    def assert_one_result(self) -> None:
        """Now, and ever, for this version."""
        assert self.bucket.results(self.key) == {self.result: self.version}
        assert self.bucket.results_ever(self.key).count(self.version) == 1


@pytest.fixture(params=["bad, then good", "good, then bad"])
def case(request: pytest.FixtureRequest, bucket: Bucket, key: str, maze: Maze) -> Case:
    good, bad = (maze(1), output_key(key)), (b"no picture", rejection_key(key))
    old, new = (bad, good) if request.param == "bad, then good" else (good, bad)
    bucket.write_result(old[1], bucket.upload(key, old[0]))
    return Case(key, bucket.upload(key, new[0]), new[1], bucket)


def test_these_are_all_calls_of_a_job(case: Case, proxy: Proxy, entry_points: EntryPoints) -> None:
    entry_points.function(case.key)
    assert [call.method for call in proxy.calls] == MENDED
    case.assert_one_result()


@pytest.mark.parametrize(("number", "after"), MOMENTS)
def test_after_a_killed_task_a_second_run_ends_right(
    number: int, after: bool, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    started: Future[Popen[str]] = Future()

    def kill() -> None:
        started.result().kill()
        started.result().wait()
        raise HangUp

    strike(proxy, number, kill, after=after)
    started.set_result(entry_points.task(case.key))
    output, _ = started.result().communicate(timeout=60)
    assert (started.result().returncode, output) == (-9, "")
    assert len(proxy.calls) - number in (1, 2), "it, and the one that goes beside it"

    entry_points.function(case.key)
    case.assert_one_result()


@pytest.mark.parametrize("number", CALLS)
def test_a_lost_reply_is_no_second_result(
    number: int, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    strike(proxy, number, hang_up, after=True)
    entry_points.function(case.key)
    case.assert_one_result()


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (number, status, code)
        for number in CALLS
        for status, code in ((500, "InternalError"), (503, "SlowDown"))
    ],
)
def test_a_passing_fault_of_s3_passes(
    number: int, status: int, code: str, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    strike(proxy, number, lambda: error(status, code))
    entry_points.function(case.key)
    case.assert_one_result()


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("PUT", 404, "NoSuchKey"),
        ("PUT", 409, "ConditionalRequestConflict"),
        ("PUT", 412, "PreconditionFailed"),
        ("DELETE", 409, "ConditionalRequestConflict"),
        ("DELETE", 412, "PreconditionFailed"),
    ],
)
def test_a_conflict_makes_the_job_start_over(
    method: str, status: int, code: str, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    number = MENDED.index(method)
    strike(proxy, number, lambda: error(status, code))
    entry_points.function(case.key)
    assert [call.method for call in proxy.calls[number + 1 :][:3]] == MENDED[:3]
    case.assert_one_result()


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchKey"), (412, "PreconditionFailed")])
def test_a_conflict_of_the_second_get_of_a_larger_upload_makes_the_job_start_over(
    status: int,
    code: str,
    bucket: Bucket,
    key: str,
    maze: Maze,
    proxy: Proxy,
    entry_points: EntryPoints,
) -> None:
    version = bucket.upload(key, maze(2) + bytes(SMALL))
    look = MENDED[:3]
    strike(proxy, len(look), lambda: error(status, code))
    entry_points.function(key)
    calls = [*look, "GET", *look, "GET", "PUT", "HEAD", "HEAD"]
    assert [call.method for call in proxy.calls] == calls
    assert bucket.results(key) == {output_key(key): version}


def test_a_download_that_breaks_off_is_no_bad_file(
    bucket: Bucket, key: str, maze: Maze, proxy: Proxy, entry_points: EntryPoints
) -> None:
    version = bucket.upload(key, maze(2))
    broken: list[Call] = []

    def cut(call: Call, reply: Reply) -> Reply | None:
        if call.method != "GET" or broken:
            return None
        broken.append(call)
        return reply._replace(cut=len(reply.body) // 2)

    proxy.after = cut
    entry_points.function(key)
    assert broken
    assert bucket.results(key) == {output_key(key): version}


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
def test_two_jobs_at_the_same_call_write_one_result(
    method: str, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    meet(proxy, method)
    task = entry_points.task(case.key)
    entry_points.function(case.key)
    output, _ = task.communicate(timeout=60)
    assert task.returncode == 0
    assert report_of(output)["outcome"] in ("succeeded", "rejected", "unchanged")
    case.assert_one_result()


@pytest.mark.parametrize("number", CALLS)
def test_an_overwrite_during_the_job_ends_in_the_newest_result(
    number: int, case: Case, proxy: Proxy, entry_points: EntryPoints, maze: Maze
) -> None:
    newest: list[str] = []
    strike(proxy, number, lambda: newest.append(case.bucket.upload(case.key, maze(3))))
    entry_points.function(case.key)
    if number >= LAST_LOOK:  # the upload may have been looked at: now its own event comes
        entry_points.function(case.key)
    assert case.bucket.results(case.key) == {output_key(case.key): newest[0]}


def test_a_slow_job_of_an_old_version_removes_what_it_wrote_once_more(
    bucket: Bucket, key: str, proxy: Proxy, entry_points: EntryPoints, maze: Maze
) -> None:
    """S3 takes a key with a delete marker for one that never was, whatever the condition."""
    old, new = bucket.upload(key, b"no picture"), []

    def job() -> None:
        output, _ = entry_points.task(key).communicate(timeout=60)
        assert report_of(output)["outcome"] in ("succeeded", "rejected")

    def be_overtaken() -> None:
        proxy.calm()
        job()
        new.append(bucket.upload(key, maze(1)))
        job()

    strike(proxy, MENDED.index("PUT"), be_overtaken)
    entry_points.function(key)
    assert bucket.histories(key) == [new, [old, None, old, None]]
    assert repeats(*bucket.histories(key)) == ([], [old])
    assert bucket.results(key) == {output_key(key): new[0]}


@pytest.mark.parametrize("number", CALLS)
def test_an_upload_that_is_deleted_during_the_job_ends_quietly(
    number: int, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    def delete() -> None:
        case.bucket.s3.delete_object(Bucket=case.bucket.name, Key=case.key)

    strike(proxy, number, delete)
    entry_points.function(case.key)
    assert case.bucket.results_ever(case.key).count(case.version) <= 1


@pytest.mark.parametrize("case", ["bad, then good"], indirect=True)
def test_a_lasting_fault_of_s3_fails_and_is_made_good_later(
    case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    proxy.before = lambda call: error(503, "SlowDown")
    task = entry_points.task(case.key)
    output, _ = task.communicate(timeout=120)
    assert task.returncode == 1
    report = report_of(output)
    assert report["outcome"] == "failed"
    assert "s3:HeadObject" in report["reason"]
    assert "SLOW_DOWN" in report["reason"]

    proxy.calm()
    entry_points.function(case.key)
    case.assert_one_result()
