"""Files of any size to and from S3: in parts, on conditions, in constant memory, and to an end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from processing import exchange
from processing.bucket import Bucket
from processing.errors import Conflict, Rejected, Stopped, StoreError
from processing.objects import Object
from processing.output import File

from local.pipeline import NothingCame, until
from tests.support.loopback_s3 import Reply, Server
from tests.support.loopback_s3 import server as server

ROOT = Path(__file__).parents[2]
PART = 8 * 2**20
CONNECTIONS = 10
"""As many as exchange.FEW has."""
BIG = 2 * PART + 5
ETAG = '"abc"'
HEADERS = {"ETag": ETAG, "x-amz-version-id": "v1", "Content-Type": "video/mp4"}


def seen(size: int) -> Object:
    written = datetime(2026, 11, 9, tzinfo=UTC)
    return Object("input/a.mp4", "v1", ETAG, size, "video/mp4", {}, written)


def pattern(size: int) -> bytes:
    """Bytes none of whose parts is like another."""
    return array("Q", range(size // 8 + 1)).tobytes()[:size]


def ranges_of(body: bytes):
    """What S3 says to GET requests for parts of an object."""

    def answer(method: str, path: str, headers: dict[str, str], _: bytes) -> Reply:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", headers["range"])
        first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
        part = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return 206, HEADERS | part, body[first : last + 1]

    return answer


def parts(completed: int = 200):
    """What S3 says to an upload in parts, and to PUT requests."""

    def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if method == "POST" and "uploadId" not in path:
            named = b"InitiateMultipartUploadResult"
            return 200, {}, b"<%b><UploadId>u1</UploadId></%b>" % (named, named)
        if method == "POST" and completed != 200:
            return completed, {}, b"<Error><Code>C</Code></Error>"
        if method == "POST":
            named = b"CompleteMultipartUploadResult"
            return 200, {}, b"<%b><ETag>&quot;whole-3&quot;</ETag></%b>" % (named, named)
        return (204, {}, b"") if method == "DELETE" else (200, {"ETag": f'"{len(body)}"'}, b"")

    return answer


def file(path: Path, size: int, name: str = "a.mp4") -> File:
    path.write_bytes(pattern(size))
    return File(name, path, size, "video/mp4")


def methods(server: Server) -> list[str]:
    return [method for method, *_ in server.asked]


def test_a_file_comes_in_parts_each_of_the_version_seen(server, tmp_path):
    server.answer = ranges_of(pattern(BIG))
    Bucket("uploads").get_file(seen(BIG), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == pattern(BIG)
    assert len(server.asked) == 3
    assert {headers["if-match"] for _, _, headers, _ in server.asked} == {ETAG}


def test_an_empty_upload_is_an_empty_file(server, tmp_path):
    server.replies = [(200, HEADERS, b"")]
    Bucket("uploads").get_file(seen(0), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b""
    assert "range" not in server.asked[0][2]


@pytest.mark.parametrize(
    "reply",
    [
        (404, {}, b""),
        (412, {}, b""),
        (416, {"Content-Range": "bytes */0"}, b""),
        (206, HEADERS | {"x-amz-version-id": "v2", "Content-Range": "bytes 0-4/5"}, b"12345"),
    ],
)
def test_a_file_of_an_upload_that_changed_is_a_conflict(server, tmp_path, reply):
    server.replies = [reply]
    with pytest.raises(Conflict):
        Bucket("uploads").get_file(seen(5), tmp_path / "a")


def test_an_archived_upload_is_rejected_as_a_file_too(server, tmp_path):
    server.replies = [(403, {}, b"<Error><Code>InvalidObjectState</Code></Error>")]
    with pytest.raises(Rejected, match="it is archived"):
        Bucket("uploads").get_file(seen(5), tmp_path / "a")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_headers_that_are_no_utf_8_lose_no_file(server, tmp_path):
    whole = {"Content-Range": "bytes 0-4/5"}
    server.replies = [
        (206, HEADERS | whole | {"Content-Type": "image/\xe9"}, b"12345"),
        (206, HEADERS | whole, b"12345"),
    ]
    Bucket("uploads").get_file(seen(5), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"12345"


@pytest.mark.parametrize(
    ("replaces", "name", "value"), [(None, "if-none-match", "*"), (seen(1), "if-match", ETAG)]
)
def test_a_small_file_is_one_put_on_its_condition(server, tmp_path, replaces, name, value):
    server.answer = parts()
    metadata = {"source-version": "v1"}
    Bucket("uploads").put_file("output/a", file(tmp_path / "a", 5), metadata, replaces)
    [(method, path, headers, body)] = server.asked
    assert (method, path, body) == ("PUT", "/uploads/output/a", pattern(5))
    assert headers[name] == value
    assert headers["x-amz-meta-source-version"] == "v1"
    assert headers["content-type"] == "video/mp4"
    assert headers["x-amz-checksum-crc32"]


def test_a_large_file_goes_in_parts_and_appears_on_its_condition(server, tmp_path):
    server.answer = parts()
    metadata = {"source-version": "v1"}
    Bucket("uploads").put_file("output/a", file(tmp_path / "a", BIG), metadata, None)
    begun, *sent, completed = server.asked
    assert begun[2]["x-amz-meta-source-version"] == "v1"
    by_number = sorted((path, body) for _, path, _, body in sent)
    assert b"".join(body for _, body in by_number) == pattern(BIG)
    assert completed[2]["if-none-match"] == "*"


@pytest.mark.parametrize("status", [404, 409, 412])
def test_a_large_file_that_lost_is_a_conflict_and_leaves_no_parts(server, tmp_path, status):
    server.answer = parts(completed=status)
    with pytest.raises(Conflict):
        Bucket("uploads").put_file("output/a", file(tmp_path / "a", BIG), {}, seen(1))
    assert methods(server)[-1] == "DELETE"


def test_files_are_added_without_conditions_and_give_their_etags_in_order(server, tmp_path):
    server.answer = parts()
    sizes = [BIG, *range(40)]
    files = [(f"files/{n}", file(tmp_path / str(n), size)) for n, size in enumerate(sizes)]
    etags = Bucket("uploads").add_files(files)
    assert etags == ['"whole-3"', *(f'"{size}"' for size in range(40))]
    assert not any(
        {"if-match", "if-none-match"} & headers.keys() for *_, headers, _ in server.asked
    )


def test_of_files_one_that_is_refused_ends_the_others(server, tmp_path):
    server.replies = [(403, {}, b"<Error><Code>AccessDenied</Code></Error>")]
    files = [(f"files/{n}", file(tmp_path / str(n), 1)) for n in range(40)]
    with pytest.raises(StoreError, match="s3:PutObject on uploads/files/0: 403 AccessDenied"):
        Bucket("uploads").add_files(files)
    assert len(server.asked) < 40


@contextlib.contextmanager
def silence(server: Server) -> Iterator[None]:
    """A server that takes requests, and answers none."""
    over = threading.Event()

    def answer(*_: object) -> Reply:
        over.wait(10)
        return 503, {}, b""

    server.answer = answer
    yield
    over.set()


def test_what_does_not_move_is_given_up_and_not_tried_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "PATIENCE_SECONDS", 0.3)
    bucket, small = Bucket("uploads"), file(tmp_path / "b", 5)
    for call in (
        lambda: bucket.head("input/a"),
        lambda: bucket.put("output/a", b"", "text/plain", {}, None),
        lambda: bucket.get_file(seen(BIG), tmp_path / "a"),
        lambda: bucket.put_file("output/a", small, {}, None),
        lambda: bucket.add_files([("files/a", small)]),
    ):
        server.asked.clear()
        with silence(server), pytest.raises(StoreError, match="nothing moved for 0.3 s"):
            call()
        until(lambda: server.asked, "what was sent")  # a busy server takes it later
        time.sleep(0.3)  # the runtime's first retry comes sooner
        assert len(server.asked) == 1


def test_what_moves_slowly_is_waited_for(server, tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "PATIENCE_SECONDS", 2)
    turn, content = threading.Lock(), ranges_of(pattern(BIG))

    def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        with turn:
            time.sleep(0.9)
        return content(method, path, headers, body)

    server.answer = answer
    began = time.monotonic()
    Bucket("uploads").get_file(seen(BIG), tmp_path / "a")
    assert time.monotonic() - began > 2
    assert (tmp_path / "a").read_bytes() == pattern(BIG)


def test_a_job_that_is_stopped_sends_nothing_more(server, tmp_path, monkeypatch):
    """Nobody is there any more to say what became of it. It is stopped when the server has what all
    connections can send."""

    def stop(*_: object) -> None:
        raise Stopped("now")

    def stop_when_all_wait() -> None:
        with contextlib.suppress(NothingCame):
            until(lambda: len(server.asked) == CONNECTIONS, "a request of each connection", 60)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, stop)
    files = [(f"files/{n}", file(tmp_path / str(n), 1)) for n in range(4 * CONNECTIONS)]
    try:
        with silence(server), pytest.raises(Stopped):
            threading.Thread(target=stop_when_all_wait).start()
            Bucket("uploads").add_files(files)
    finally:
        signal.signal(signal.SIGALRM, before)
    time.sleep(0.5)
    assert len(server.asked) == CONNECTIONS


MEASURED = r"""
import re, sys
from datetime import UTC, datetime
from pathlib import Path
from processing.objects import Object
from processing.output import File
from processing.bucket import Bucket
path, size = Path(sys.argv[1]), int(sys.argv[2])
bucket = Bucket("uploads")
seen = Object("input/a", "v1", '"abc"', size, "a/b", {}, datetime.now(UTC))
bucket.get_file(seen, path)
bucket.put_file("output/a", File("a", path, size, "a/b"), {}, None)
print(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1])
"""


def test_the_memory_does_not_grow_with_the_file(server, tmp_path):
    size = 500 * 2**20
    zeros = bytes(PART)

    def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        server.asked.clear()  # the server's own memory
        if method != "GET":
            return parts()(method, path, headers, b"")
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", headers["range"])
        first, last = int(asked[1]), min(int(asked[2]), size - 1)
        part = {"Content-Range": f"bytes {first}-{last}/{size}"}
        return 206, HEADERS | part, zeros[: last - first + 1]

    server.answer = answer
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "a"), str(size)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "worker")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 < 250  # MiB
