"""Start the embedded AWS: `python -m local.emulator`, in ministack's own environment.

It checks the version of ministack and every patch point, applies the links, listens on a port that
the system picks, and writes its address to DIRECTORY/endpoint. It ends on SIGTERM, and when its
standard input ends: so it never outlives whoever started it. Nothing that it started outlives it.

Exit code 2: this is not the ministack that it knows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

from .links import Link, check

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "ministack.in"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.emulator", description="embedded AWS")
    parser.add_argument("--directory", type=Path, required=True, help="for its state")
    parser.add_argument("--layer", type=Path, required=True, help="the built ProcessingLayer")
    parser.add_argument("--engine", choices=["process", "docker"], required=True)
    arguments = parser.parse_args()
    if problem := version_problem():
        return refuse([problem])
    # Containers reach this machine by the address of the bridge, processes by loopback.
    host = "127.0.0.1" if arguments.engine == "process" else "0.0.0.0"
    listening = socket.create_server((host, 0))
    port = listening.getsockname()[1]
    configure(arguments.directory, arguments.engine, port)
    links = all_links(arguments.layer, arguments.engine, port)
    if problems := check(links):
        return refuse(problems)
    for link in links:
        link.apply()
    try:
        asyncio.run(serve(listening, arguments.directory, port))
    finally:
        shutil.rmtree(arguments.directory, ignore_errors=True)
        # What ministack started for functions, and the tasks: all are in this process group.
        os.killpg(0, signal.SIGKILL)
    return 0


def pinned_version() -> str:
    """The version of ministack that the links are written for."""
    found = re.search(r"^ministack==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    assert found, f"{REQUIREMENTS} must pin ministack"
    return found[1]


def version_problem() -> str | None:
    installed, pinned = importlib.metadata.version("ministack"), pinned_version()
    if installed == pinned:
        return None
    return f"ministack {installed} is installed, and the links are written for {pinned}"


def refuse(problems: list[str]) -> int:
    """Say what is wrong and what helps."""
    print("The embedded AWS can't start on this ministack:", file=sys.stderr)
    for problem in problems:
        print(f"  - {problem}", file=sys.stderr)
    print(
        f"Install the pinned version (make clean setup), or adapt local/emulator to the other one"
        f" and pin it in requirements/{REQUIREMENTS.name}.",
        file=sys.stderr,
    )
    return 2


def configure(directory: Path, engine: str, port: int) -> None:
    """ministack's settings, which it reads when it is imported, and its functions inherit."""
    for name, value in {
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "docker" if engine == "docker" else "local",
        # Lambda's retries come after 1 and 2 minutes; here in the same shape, but sooner.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.5",
        "TMPDIR": str(directory),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
    }.items():
        os.environ[name] = value


def all_links(layer: Path, engine: str, port: int) -> list[Link]:
    """Each link that this engine needs. Imports ministack, so only after `configure`."""
    from . import (
        cloudtrail,
        credentials,
        eventbridge_to_ecs,
        nat,
        processes,
        run_task_permissions,
        stop_task,
        task_state_change,
    )

    links = [
        cloudtrail.LINK,
        eventbridge_to_ecs.link(f"http://127.0.0.1:{port}"),
        run_task_permissions.LINK,
        credentials.LINK,
        stop_task.LINK,
        task_state_change.LINK,
        nat.LINK,
    ]
    return [*links, processes.link(layer)] if engine == "process" else links


async def serve(listening: socket.socket, directory: Path, port: int) -> None:
    """Serve until SIGTERM, or until standard input ends."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.app import app

    from .tls import behind_tls

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # A Ctrl-C reaches whoever started us, too, and they say when to stop.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_reader(sys.stdin.fileno(), stop.set)

    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0
    announced = directory / "endpoint.new"
    announced.write_text(f"http://127.0.0.1:{port}")
    announced.rename(directory / "endpoint")
    with contextlib.suppress(asyncio.CancelledError):
        await hypercorn_serve(behind_tls(app), config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    sys.exit(main())
