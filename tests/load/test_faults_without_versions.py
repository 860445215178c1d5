"""The accidents of test_faults.py in a bucket that keeps no versions: one that never did, and one
that no longer does. What tells uploads apart there is their ETag, so what is looked at at the end
is the result itself, and not its history."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from subprocess import Popen
from typing import NamedTuple

import pytest
from processing import maze as solver

from local.aws import EmbeddedAws
from local.pipeline import identity, output_key, rejection_key
from tests.load.entry_points import Bucket, EntryPoints, report_of
from tests.load.proxy import HangUp, Proxy, hang_up, meet, strike
from tests.load.test_faults import CALLS, LAST_LOOK, MENDED, MOMENTS

Maze = Callable[[int], bytes]

BAD = b"no picture"


class Case(NamedTuple):
    """An upload with the stale result of an earlier one, of the other kind."""

    key: str
    body: bytes
    bucket: Bucket

    def assert_one_result(self, body: bytes | None = None) -> None:
        """For what is there now, and made of it."""
        body = body or self.body
        found = self.bucket.s3.head_object(Bucket=self.bucket.name, Key=self.key)
        result = rejection_key(self.key) if body == BAD else output_key(self.key)
        assert self.bucket.results(self.key) == {result: identity(found)}
        if body != BAD:
            assert self.bucket.read(self.key) == solver.solve(body, "").body


@pytest.fixture(scope="module", params=["never", "no longer"])
def bucket(request: pytest.FixtureRequest, aws: EmbeddedAws) -> Bucket:
    """Without versions."""
    s3, name = aws.client("s3"), f"without-versions-{request.param.replace(' ', '-')}"
    s3.create_bucket(Bucket=name)
    if request.param == "no longer":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    return Bucket(s3, name)


@pytest.fixture
def case(bucket: Bucket, key: str, maze: Maze) -> Case:
    """Bad, then good in the one bucket; good, then bad in the other."""
    old, new = (BAD, maze(1)) if bucket.name.endswith("never") else (maze(1), BAD)
    stale = rejection_key(key) if old == BAD else output_key(key)
    bucket.write_result(stale, bucket.upload(key, old))
    bucket.upload(key, new)
    return Case(key, new, bucket)


def test_the_calls_of_a_job_are_the_same(
    case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
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
    assert started.result().communicate(timeout=60)[0] == ""
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


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
def test_two_jobs_at_the_same_call_leave_one_result(
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
    strike(proxy, number, lambda: case.bucket.upload(case.key, maze(3)) and None)
    entry_points.function(case.key)
    if number >= LAST_LOOK:
        entry_points.function(case.key)
    case.assert_one_result(maze(3))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_upload_that_comes_back_during_the_job_has_its_own_result_again(
    method: str, case: Case, proxy: Proxy, entry_points: EntryPoints, maze: Maze
) -> None:
    """The job can't tell it from the one that it saw, and need not: it has an event of its own."""

    def between() -> None:
        proxy.calm()
        case.bucket.upload(case.key, maze(3))
        output, _ = entry_points.task(case.key).communicate(timeout=60)
        assert report_of(output)["outcome"] == "succeeded"
        case.bucket.upload(case.key, case.body)

    strike(proxy, MENDED.index(method), between)
    entry_points.function(case.key)
    entry_points.function(case.key)
    case.assert_one_result()


@pytest.mark.parametrize("number", CALLS)
def test_an_upload_that_is_deleted_during_the_job_ends_quietly(
    number: int, case: Case, proxy: Proxy, entry_points: EntryPoints
) -> None:
    name = case.bucket.name
    strike(proxy, number, lambda: case.bucket.s3.delete_object(Bucket=name, Key=case.key) and None)
    entry_points.function(case.key)
    assert len(case.bucket.results(case.key)) <= 1
