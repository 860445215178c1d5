"""What can happen to a job with several outputs between it and S3: real tasks, a real S3 client,
and a proxy that strikes at each of their calls."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from concurrent.futures import Future
from subprocess import Popen

import pytest
from botocore.exceptions import ClientError

from local.pipeline import output_key
from tests.load.entry_points import Bucket, EntryPoints, report_of
from tests.load.proxy import HangUp, Proxy, Reply, error

BODY = b"0123456789abcdefghij+-*/ "
CALLS = ["HEAD", "HEAD", "HEAD", "GET", "PUT", "PUT", "PUT", "PUT", "HEAD", "HEAD"]
"""Of the first job of an upload: three of the PUTs are files, in any order, the last is the
manifest."""
MANIFEST = 7


@dataclasses.dataclass
class Case:
    """An upload whose job makes three files."""

    key: str
    version: str
    bucket: Bucket
    proxy: Proxy
    entry_points: EntryPoints

    def start(self) -> Popen[str]:
        return self.entry_points.task(self.key)

    def job(self) -> str:
        """How a whole job ended."""
        output, _ = self.start().communicate(timeout=60)
        return str(report_of(output)["outcome"])

    def read(self) -> bytes | None:
        """What whoever follows the manifest reads."""
        s3, name = self.bucket.s3, self.bucket.name
        try:
            found = s3.get_object(Bucket=name, Key=output_key(self.key))
        except ClientError as missing:
            assert missing.response["Error"]["Code"] == "NoSuchKey"
            return None
        return b"".join(
            s3.get_object(Bucket=name, Key=each["key"], IfMatch=each["etag"])["Body"].read()
            for each in json.load(found["Body"])["files"]
        )

    def strike(self, number: int, act: Callable[[], Reply | None], *, after: bool = False) -> None:
        """Act once: before S3 sees call `number`, or after it responded, with nobody knowing."""
        if after:
            self.proxy.after = lambda call, reply: act() if call.number == number else None
        else:
            self.proxy.before = lambda call: act() if call.number == number else None

    def assert_complete(self) -> None:
        """One result now and ever, and all of its files."""
        assert self.read() == BODY
        assert self.bucket.results(self.key) == {output_key(self.key): self.version}
        assert self.bucket.results_ever(self.key).count(self.version) == 1


@pytest.fixture
def case(bucket: Bucket, key: str, proxy: Proxy, entry_points: EntryPoints) -> Case:
    command = {"COMMAND": "split --bytes=10 {input} {output}/part-"}
    files = dataclasses.replace(entry_points, environment={**entry_points.environment, **command})
    return Case(key, bucket.upload(key, BODY), bucket, proxy, files)


def hang_up() -> None:
    raise HangUp


def test_these_are_all_calls_of_a_job_with_several_outputs(case: Case) -> None:
    assert case.job() == "succeeded"
    assert [call.method for call in case.proxy.calls] == CALLS
    case.assert_complete()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_killed_task_leaves_all_files_or_no_manifest(
    number: int, after: bool, case: Case
) -> None:
    started: Future[Popen[str]] = Future()

    def kill() -> None:
        started.result().kill()
        started.result().wait()
        raise HangUp

    case.strike(number, kill, after=after)
    started.set_result(case.start())
    started.result().communicate(timeout=60)
    assert started.result().returncode == -9
    assert case.read() == (BODY if number + after > MANIFEST else None)
    case.proxy.calm()
    assert case.job() == ("unchanged" if number + after > MANIFEST else "succeeded")
    case.assert_complete()


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_lost_reply_leaves_one_manifest_and_its_files(number: int, case: Case) -> None:
    case.strike(number, hang_up, after=True)
    assert case.job() in ("succeeded", "unchanged")
    case.assert_complete()


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_passing_fault_of_s3_passes_for_files_too(number: int, case: Case) -> None:
    case.strike(number, lambda: error(503, "SlowDown"))
    assert case.job() == "succeeded"
    case.assert_complete()


@pytest.mark.parametrize("status", [404, 409, 412])
def test_who_gives_way_begins_a_new_run(status: int, case: Case) -> None:
    case.strike(MANIFEST, lambda: error(status, "Refused"))
    assert case.job() == "succeeded"
    assert [call.method for call in case.proxy.calls] == [*CALLS[: MANIFEST + 1], *CALLS]
    case.assert_complete()


def test_two_tasks_at_once_write_one_manifest(case: Case) -> None:
    other: list[str] = []
    case.strike(MANIFEST, lambda: other.append(case.job()))
    assert case.job() == "unchanged"
    assert other == ["succeeded"]
    case.assert_complete()


def test_an_upload_that_is_replaced_meanwhile_ends_in_its_own_files(case: Case) -> None:
    def replace() -> None:
        case.version = case.bucket.upload(case.key, BODY)

    case.strike(MANIFEST, replace)
    assert case.job() == "succeeded"
    case.assert_complete()
