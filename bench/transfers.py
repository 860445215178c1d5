"""A large file through a whole job that copies nothing, beside the peer's way in and out.

The job: the container's process, from its start to its end. The peer: transfer_peer.py. The bucket
is loopback.py's, and a client that does nothing else shows how much faster that could be. All files
lie in memory, where the machine has a folder for that.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType

from tooling import paths

from . import ROOT
from .bucket import JOBS, container_environment, run

_SHM = Path("/dev/shm")
_BUCKET, _KEY, _PEERS = "bench", "input/file", "output/peer"
_PART = 8 * 2**20
_CONNECTIONS = 2


@dataclass(frozen=True)
class Transfer:
    """Medians, of so many bytes in and as many out."""

    size: int
    rounds: int
    job: float
    """Seconds."""
    job_processor: float
    job_memory: int
    """Bytes resident at most, the runner's with them."""
    peer: float
    peer_processor: float
    peer_memory: int
    ratio: float
    """Seconds of the job over those of the peer: the median over rounds, in each of which both
    ran, one after the other, and the other way round in the next."""
    ratio_processor: float
    server: float
    """Seconds of a client that only sends and receives."""
    server_processor: float
    """Of the server, while the job ran."""


@dataclass(frozen=True)
class _Run:
    seconds: float
    processor: float
    memory: int


def measure(size: int, rounds: int) -> Transfer:
    """Measure each way so many times."""
    with tempfile.TemporaryDirectory(dir=_place(3 * size)) as name:
        directory = Path(name)
        file = _made(directory / "file", size)
        with _served(file) as (port, server):
            ways: dict[str, Callable[[], _Run]] = {
                "job": lambda: _job(port, directory),
                "peer": lambda: _peer(port, directory),
            }
            runs: dict[str, list[_Run]] = {way: [] for way in ways}
            alone, busy = [], []
            for number in range(rounds):
                alone.append(_alone(port, file))
                for way in list(ways) if number % 2 else reversed(ways):
                    before = _used_by(server)
                    runs[way].append(ways[way]())
                    if way == "job":
                        busy.append(_used_by(server) - before)
    job, peer = runs["job"], runs["peer"]
    pairs = list(zip(job, peer, strict=True))
    return Transfer(
        size=size,
        rounds=rounds,
        job=statistics.median(each.seconds for each in job),
        job_processor=statistics.median(each.processor for each in job),
        job_memory=max(each.memory for each in job),
        peer=statistics.median(each.seconds for each in peer),
        peer_processor=statistics.median(each.processor for each in peer),
        peer_memory=max(each.memory for each in peer),
        ratio=statistics.median(ours.seconds / theirs.seconds for ours, theirs in pairs),
        ratio_processor=statistics.median(
            ours.processor / theirs.processor for ours, theirs in pairs
        ),
        server=statistics.median(alone),
        server_processor=statistics.median(busy),
    )


def _place(size: int) -> Path | None:
    """A folder in memory; None, which is the folder for temporary files, where there is none."""
    return _SHM if _SHM.is_dir() and shutil.disk_usage(_SHM).free > size else None


def _made(file: Path, size: int) -> Path:
    block = os.urandom(2**20)
    with file.open("wb") as out:
        for begin in range(0, size, len(block)):
            out.write(block[: size - begin])
    return file


@contextmanager
def _served(file: Path) -> Iterator[tuple[int, int]]:
    """A port where the bucket is, and the process that it is."""
    command = [str(paths.PYTHON_DEV), "-m", "bench.loopback", str(file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as server:  # type: ignore[call-overload]
        yield int(server.stdout.readline()), server.pid


def _environment(port: int, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "S3_BUCKET": _BUCKET,
        "S3_KEY": _KEY,
        **more,
    }


def _job(port: int, directory: Path) -> _Run:
    suffix = f"-{time.monotonic_ns()}"  # each time a new output
    environment = {
        **container_environment(),
        "PYTHONPATH": f"{ROOT / 'worker'}{os.pathsep}{JOBS}",
        "PROCESSOR": "copies:of_links",
        "OUTPUT_SUFFIX": suffix,
        "DISK": str(directory / "disk"),
    }
    (directory / "disk").mkdir(exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, said = run(
        [str(paths.PYTHON_DEV), "-m", "bench.transfer_probe"], _environment(port, environment)
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    *_, report, memory = said.splitlines()
    assert json.loads(report)["outcome"] == "succeeded", said
    assert _written(port, f"output/file{suffix}") == (directory / "file").stat().st_size
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Run(seconds, processor, int(memory))


def _written(port: int, key: str) -> int:
    """The bytes of an object."""
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("HEAD", f"/{_BUCKET}/{key}")
        return int(connection.getresponse().headers["Content-Length"])


def _peer(port: int, directory: Path) -> _Run:
    file = directory / "peer"
    environment = _environment(port, {"S3_OUTPUT": _PEERS})
    command = [str(paths.PYTHON_DEV), "-m", "bench.transfer_peer", str(file)]
    _, said = run(command, environment)
    assert file.stat().st_size == (directory / "file").stat().st_size
    assert _written(port, _PEERS) == file.stat().st_size
    file.unlink()
    told = json.loads(said)
    seconds, processor = map(sum, zip(told["in"], told["out"], strict=True))
    return _Run(seconds, processor, told["memory"])


def _alone(port: int, file: Path) -> float:
    """Seconds in and out, of connections side by side that do nothing with what comes."""
    began, size = time.perf_counter(), file.stat().st_size
    for direction in (_receive, _send):
        share = size // _CONNECTIONS
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            for each in [
                pool.submit(direction, port, file, at * share, (at + 1) * share)
                for at in range(_CONNECTIONS)
            ]:
                each.result()
    return time.perf_counter() - began


def _receive(port: int, file: Path, begin: int, end: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        nowhere = bytearray(2**20)
        while begin < end:
            stop = min(begin + _PART, end)
            ask = f"GET /{_BUCKET}/{_KEY} HTTP/1.1\r\nRange: bytes={begin}-{stop - 1}\r\n\r\n"
            connection.sendall(ask.encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            begin += len(head) - head.index(b"\r\n\r\n") - 4
            while begin < stop:
                begin += connection.recv_into(nowhere, min(stop - begin, len(nowhere)))


def _send(port: int, file: Path, begin: int, end: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection, file.open("rb") as source:
        while begin < end:
            stop = min(begin + _PART, end)
            put = f"PUT /{_BUCKET}/alone HTTP/1.1\r\nContent-Length: {stop - begin}\r\n\r\n"
            connection.sendall(put.encode())
            connection.sendfile(source, begin, stop - begin)
            begin = stop
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def _used_by(process: int) -> float:
    """Seconds of the processor until now."""
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
