"""What can happen to files that go in parts, and to those that are removed together: the calls with
POST, which jobs on bytes don't make. Real entry points, a real S3 client, and a proxy that strikes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from orphans import Cleaner
from processing import publish
from processing.bucket import Bucket as Store
from processing.errors import StoreError
from processing.manifest import MARK
from processing.metadata import RUN
from processing.objects import Object
from processing.settings import Settings

from local.pipeline import output_key
from tests.load.entry_points import Bucket, EntryPoints
from tests.load.file_job import FileJob
from tests.load.proxy import Proxy, Reply, error, hang_up, strike
from tests.support.in_process import OnBytes

Orphans = Callable[[], list[str]]
Remove = Callable[[Store, str], None]

BODY = bytes(range(256)) * 40_000
"""More than goes in one request."""
COMMANDS = {
    "one file": "cp {input} {output}/copy",
    "several": "split --bytes=9M {input} {output}/part-",
}
CALLS = ["POST uploads", "PUT partNumber", "POST uploadId"]
"""CreateMultipartUpload, UploadPart, CompleteMultipartUpload."""
REMOVAL = "POST delete"
SETTINGS = Settings(processor=OnBytes(lambda body, _: (body, "")))
WITH_200 = error(200, "InternalError")
"""S3 may fail after it has begun to respond (CompleteMultipartUpload)."""
FAULTS = {
    "reply lost": (hang_up, True),
    "500": (lambda: error(500, "InternalError"), False),
    "503": (lambda: error(503, "SlowDown"), False),
}


@pytest.fixture(params=COMMANDS)
def case(
    request: pytest.FixtureRequest,
    bucket: Bucket,
    key: str,
    proxy: Proxy,
    entry_points: EntryPoints,
) -> FileJob:
    files = entry_points.of(COMMANDS[request.param])
    return FileJob(key, BODY, bucket.upload(key, BODY), bucket, proxy, files)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_part_is_no_fault_of_the_output(fault: str, call: str, case: FileJob) -> None:
    act, after = FAULTS[fault]
    case.strike(call, act, after=after)
    assert case.job() in ("succeeded", "unchanged")
    assert [each.name for each in case.proxy.calls].count(call) > 1
    case.assert_complete()


def test_an_error_that_comes_with_200_is_one(case: FileJob) -> None:
    case.strike("POST uploadId", lambda: WITH_200)
    assert case.job() == "succeeded"
    case.assert_complete()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_a_task_that_is_killed_amid_its_parts_leaves_all_or_nothing(
    call: str, after: bool, case: FileJob, request: pytest.FixtureRequest
) -> None:
    case.job_that_is_killed(call, after=after)
    is_there = call == CALLS[-1] and after and "one file" in request.node.name
    assert case.read() == (BODY if is_there else None)
    assert case.job() == ("unchanged" if is_there else "succeeded")
    case.assert_complete()


@pytest.mark.parametrize("call", CALLS)
def test_a_job_that_is_overtaken_amid_its_parts_gives_way(call: str, case: FileJob) -> None:
    other: list[str] = []
    case.strike(call, lambda: other.append(case.task()))
    assert case.job() == "unchanged"
    assert other == ["succeeded"]
    case.assert_complete()


ORPHAN = "20260101T000000Z-0123456789abcdef"


def by_the_job(store: Store, key: str) -> None:
    """As after it replaced a manifest of long ago."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    replaced = Object(output_key(key), "v", "e", 1, "", {RUN: ORPHAN}, then)
    publish.remove_replaced(store, SETTINGS, replaced)


def by_the_sweep(store: Store, key: str) -> None:
    cleaned = Cleaner(store, SETTINGS, store.now()).run()
    if cleaned.problem:
        raise StoreError("", store.name, key, cleaned.problem)


@pytest.fixture
def orphans(bucket: Bucket, key: str) -> Callable[[], list[str]]:
    """What is left of a run that no manifest names."""
    folder = f"files/{key.removeprefix('input/')}/{ORPHAN}{MARK}"
    for name in ("a", "b"):
        bucket.s3.put_object(Bucket=bucket.name, Key=folder + name, Body=b"")

    def left() -> list[str]:
        listed = bucket.s3.list_objects_v2(Bucket=bucket.name, Prefix=folder)
        return [each["Key"] for each in listed.get("Contents", [])]

    return left


@pytest.mark.usefixtures("entry_points")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("remove", [by_the_job, by_the_sweep])
def test_orphans_go_although_their_removal_meets_a_fault(
    remove: Remove, fault: str, bucket: Bucket, key: str, orphans: Orphans, proxy: Proxy
) -> None:
    act, after = FAULTS[fault]
    strike(proxy, REMOVAL, act, after=after)
    remove(Store(bucket.name), key)
    assert [call.name for call in proxy.calls].count(REMOVAL) == 2
    assert orphans() == []


@pytest.mark.usefixtures("entry_points")
@pytest.mark.parametrize("remove", [by_the_job, by_the_sweep])
def test_an_orphan_that_stays_is_said_and_goes_the_next_time(
    remove: Remove, bucket: Bucket, key: str, orphans: Orphans, proxy: Proxy
) -> None:
    refused = b"<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error></DeleteResult>"
    strike(proxy, REMOVAL, lambda: Reply(200, {}, refused))
    with pytest.raises(StoreError, match="InternalError"):
        remove(Store(bucket.name), key)
    assert len(orphans()) == 2
    remove(Store(bucket.name), key)
    assert orphans() == []
