"""Jobs that do what a job should not, for test_supervisor and the tests of real containers.

A module of its own, without tests or libraries, because it runs where jobs run.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NoReturn

from processing.output import Source

GIB = 2**30


def by_name(body: bytes, content_type: str) -> object:
    """The job that is named in the upload."""
    return globals()[body.decode()](body, content_type)


def thread(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Leaves a thread that never ends."""
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return body, content_type


def threads(body: bytes, content_type: str) -> tuple[bytes, str]:
    """200 idle threads, whose stacks are reserved and never used."""
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return body, content_type


def child(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Leaves a program that never ends."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    return body, content_type


def daemon(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Leaves a daemon: in a session of its own, without a parent, deaf to SIGTERM."""
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    time.sleep(0.1)
    return body, content_type


def deaf(body: bytes, content_type: str) -> NoReturn:
    """Never ends, and ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)


def hang_in_c(body: bytes, content_type: str) -> NoReturn:
    """A lock that is taken twice is waited for without end, and no signal handler runs."""
    lock, mutex = ctypes.PyDLL(None).pthread_mutex_lock, bytes(64)
    lock(mutex), lock(mutex)
    raise AssertionError


def closed(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Closes all its descriptors."""
    os.closerange(0, 1024)
    return body, content_type


def pipes(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Names the pipes that it has, but those it prints to."""
    ends = {}
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            ends[descriptor.name] = str(descriptor.readlink())
    prints_to = {ends.get("1"), ends.get("2")}
    found = {end for end in ends.values() if end.startswith("pipe:")} - prints_to
    return " ".join(sorted(found)).encode(), content_type


def kill_parent(body: bytes, content_type: str) -> NoReturn:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)
    raise AssertionError


def kill_all(body: bytes, content_type: str) -> NoReturn:
    """Only for containers: it ends all processes of the same user but itself and process 1."""
    os.kill(-1, signal.SIGKILL)
    time.sleep(3600)
    raise AssertionError


def kill_itself(body: bytes, content_type: str) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def exit_0(body: bytes, content_type: str) -> NoReturn:
    sys.exit(0)


def exit_3(body: bytes, content_type: str) -> NoReturn:
    sys.exit(3)


def end_0(body: bytes, content_type: str) -> NoReturn:
    os._exit(0)


def end_65(body: bytes, content_type: str) -> NoReturn:
    """Ends as a command does that rejects."""
    os._exit(65)


def abort(body: bytes, content_type: str) -> NoReturn:
    os.abort()


def segfault(body: bytes, content_type: str) -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError


def interrupt(body: bytes, content_type: str) -> NoReturn:
    raise KeyboardInterrupt


def no_message(body: bytes, content_type: str) -> NoReturn:
    raise ValueError


def group(body: bytes, content_type: str) -> NoReturn:
    raise ExceptionGroup("both", [ValueError("one"), OSError("other")])


def lines(body: bytes, content_type: str) -> NoReturn:
    raise ValueError("first\nsecond")


def no_text(body: bytes, content_type: str) -> NoReturn:
    raise ValueError("half \udcff of a character")


def unreadable(body: bytes, content_type: str) -> NoReturn:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise Odd


def flood(body: bytes, content_type: str) -> tuple[bytes, str]:
    """5 MB, binary and without an end of the last line."""
    for _ in range(5):
        os.write(1, b"\xff\x00{" * 333_333 + b"\n")
    os.write(2, b"the end")
    return body, content_type


def lie(body: bytes, content_type: str) -> NoReturn:
    """Prints what looks like a report."""
    report = (
        '{"outcome": "succeeded", "bucket": "uploads", "key": "input/other", "mode": "fargate"}'
    )
    print(report)
    print("x" * 4090 + report)
    raise ValueError("in truth it failed")


def allocate(body: bytes, content_type: str) -> tuple[bytes, str]:
    return b"x" * (4 * GIB), content_type


def map_memory(body: bytes, content_type: str) -> tuple[bytes, str]:
    memory = mmap.mmap(-1, 4 * GIB)
    for at in range(0, len(memory), mmap.PAGESIZE):
        memory[at] = 1
    return body, content_type


def allocate_in_child(body: bytes, content_type: str) -> tuple[bytes, str]:
    program = f"x = b'x' * {4 * GIB}; import time; time.sleep(3600)"
    subprocess.run([sys.executable, "-c", program], check=True)
    return body, content_type


def no_room(body: bytes, content_type: str) -> NoReturn:
    """As if the disk were full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def share(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Four processes with the same 200 MiB: it counts once."""
    memory = bytearray(os.urandom(2**20) * 200)
    children = []
    for _ in range(4):
        if not (pid := os.fork()):
            time.sleep(0.5)
            os._exit(len(memory) == 0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return body, content_type


def write(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Temporary files wherever programs put them; gives what was there before."""
    places = [Path(tempfile.gettempdir()), Path.home() / ".cache", Path.cwd()]
    found = [str(each) for place in places if place.exists() for each in place.iterdir()]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        (place / "left behind").write_bytes(body)
    return repr(found).encode(), content_type


def write_to_tmp(body: bytes, content_type: str) -> tuple[bytes, str]:
    """By its very name; gives the files that were there before. Only for containers."""
    tmp = Path("/tmp")
    found = [str(each) for each in tmp.rglob("*") if each.is_file() and "/job-" not in str(each)]
    (tmp / "left behind").write_bytes(body)
    return repr(found).encode(), content_type


def write_to_root(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Gives where it could write, beside /tmp and devices."""
    written = []
    for folder in map(Path, ("/", "/opt/python", "/etc", "/var/tmp", "/home", "/root", "/run")):
        try:
            (folder / "left behind").write_bytes(body)
            written.append(str(folder))
        except OSError:
            continue
    return repr(written).encode(), content_type


def wrong_type(body: bytes, content_type: str) -> int:
    return len(body)


def wrong_arguments(body: bytes) -> bytes:
    return body


def spy(body: bytes, content_type: str) -> tuple[bytes, str]:
    """All that it can read of its own and of others: environments, memory."""
    found = [repr(dict(os.environ)).encode(), _memory(os.getpid())]
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                found.append((process / "environ").read_bytes())
            except OSError:
                continue
    parents = [os.getppid(), 1]
    return b"\n".join(found + [_memory(pid) for pid in parents]), content_type


def _memory(pid: int) -> bytes:
    """What a process can be read of another one's memory."""
    found = b""
    try:
        process = Path(f"/proc/{pid}")
        with (process / "maps").open() as maps, (process / "mem").open("rb", 0) as memory:
            for line in maps:
                span, modes, *_ = line.split()
                first, last = (int(each, 16) for each in span.split("-"))
                if "w" in modes and ("[heap]" in line or "[stack]" in line):
                    memory.seek(first)
                    found += memory.read(last - first)
    except OSError:
        pass
    return found


def files(source: Source, outputs: Path) -> None:
    """Two files, one of them in a folder."""
    (outputs / "kept.txt").write_text(f"{source.key} {source.name} {source.size}")
    (outputs / "in a folder").mkdir()
    (outputs / "in a folder" / "copy.bin").write_bytes(source.path.read_bytes())


def link(source: Source, outputs: Path) -> None:
    (outputs / "link").symlink_to("/etc/passwd")


def folder_removed(source: Source, outputs: Path) -> None:
    outputs.rmdir()


def folder_linked(source: Source, outputs: Path) -> None:
    """The link leads to files that exist."""
    outputs.rmdir()
    outputs.symlink_to(source.path.parent)


def pipe(source: Source, outputs: Path) -> None:
    os.mkfifo(outputs / "pipe")


def outcome_as_link(source: Source, outputs: Path) -> NoReturn:
    """Makes what it should say of itself a link to what the worker may read."""
    told = outputs.parent / "told.json"
    told.write_text('{"outcome": "rejected", "reason": "by a link"}')
    (outputs.parent / "outcome.json").symlink_to(told)
    os._exit(3)


def outcome_as_pipe(source: Source, outputs: Path) -> NoReturn:
    os.mkfifo(outputs.parent / "outcome.json")
    os._exit(3)


def outcome_without_end(source: Source, outputs: Path) -> NoReturn:
    with (outputs.parent / "outcome.json").open("wb") as file:
        file.truncate(64 * GIB)
    os._exit(3)


def nothing(source: Source, outputs: Path) -> None:
    """Succeeds, and leaves no file."""
