"""What can happen to a job with several outputs between it and S3: real entry points, a real S3
client, and a proxy that strikes at each of their calls."""

from __future__ import annotations

import pytest

from tests.load.entry_points import Bucket, EntryPoints
from tests.load.file_job import FileJob
from tests.load.proxy import Proxy, error, hang_up

BODY = b"0123456789abcdefghij+-*/ "
CALLS = ["HEAD", "HEAD", "GET", "PUT", "PUT", "PUT", "PUT", "HEAD", "HEAD"]
"""Of the first job of an upload: three of the PUTs are files, in any order, the last is the
manifest."""
MANIFEST = 6
WRITING = [number for number, call in enumerate(CALLS) if call == "PUT"]
MOMENTS = [(number, False) for number in range(len(CALLS))] + [(number, True) for number in WRITING]
"""As in test_faults.py."""


@pytest.fixture
def case(bucket: Bucket, key: str, proxy: Proxy, entry_points: EntryPoints) -> FileJob:
    files = entry_points.of("split --bytes=10 {input} {output}/part-")
    return FileJob(key, BODY, bucket.upload(key, BODY), bucket, proxy, files)


def test_these_are_all_calls_of_a_job_with_several_outputs(case: FileJob) -> None:
    assert case.job() == "succeeded"
    assert [call.method for call in case.proxy.calls] == CALLS
    case.assert_complete()


@pytest.mark.parametrize(("number", "after"), MOMENTS)
def test_a_killed_task_leaves_all_files_or_no_manifest(
    number: int, after: bool, case: FileJob
) -> None:
    case.job_that_is_killed(number, after=after)
    assert case.read() == (BODY if number + after > MANIFEST else None)
    assert case.job() == ("unchanged" if number + after > MANIFEST else "succeeded")
    case.assert_complete()


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_lost_reply_leaves_one_manifest_and_its_files(number: int, case: FileJob) -> None:
    case.strike(number, hang_up, after=True)
    assert case.job() in ("succeeded", "unchanged")
    case.assert_complete()


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_passing_fault_of_s3_passes_for_files_too(number: int, case: FileJob) -> None:
    case.strike(number, lambda: error(503, "SlowDown"))
    assert case.job() == "succeeded"
    case.assert_complete()


@pytest.mark.parametrize("status", [404, 409, 412])
def test_who_gives_way_begins_a_new_run(status: int, case: FileJob) -> None:
    case.strike(MANIFEST, lambda: error(status, "Refused"))
    assert case.job() == "succeeded"
    assert [call.method for call in case.proxy.calls] == [*CALLS[: MANIFEST + 1], *CALLS]
    case.assert_complete()


def test_two_jobs_at_once_write_one_manifest(case: FileJob) -> None:
    other: list[str] = []
    case.strike(MANIFEST, lambda: other.append(case.task()))
    assert case.job() == "unchanged"
    assert other == ["succeeded"]
    case.assert_complete()


def test_an_upload_that_is_replaced_meanwhile_ends_in_its_own_files(case: FileJob) -> None:
    def replace() -> None:
        case.version = case.bucket.upload(case.key, BODY)

    case.strike(MANIFEST, replace)
    assert case.job() == "succeeded"
    case.assert_complete()
