"""Start the embedded AWS: `python -m local.emulator`, in ministack's own environment.

It checks the version of ministack and every patch point, applies the links, listens on a port that
the system picks, and writes its address to DIRECTORY/endpoint. It ends on SIGTERM, and when its
standard input ends: so it never outlives whoever started it. Nothing that it started outlives it.

Functions and tasks run as processes or, with --containers, in Docker containers.
These get that label, and reach this machine by its address on their bridge.

Exit code 2: this is not the ministack that it knows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import gc
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

import uvloop

from . import imports
from .links import Link, check

LOOPBACK = "127.0.0.1"
REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "ministack.in"


def main() -> int:
    gc.disable()  # what is imported stays: to look for garbage in it takes long
    parser = argparse.ArgumentParser(prog="python -m local.emulator", description="embedded AWS")
    parser.add_argument("--directory", type=Path, required=True, help="for its state")
    parser.add_argument("--layer", type=Path, required=True, help="the built ProcessingLayer")
    parser.add_argument("--containers", metavar="LABEL", help="run containers, with this label")
    parser.add_argument("--function-image", default="", help="for functions in containers")
    parser.add_argument("--bridge", help="another address to listen on, beside loopback")
    parser.add_argument("--no-iam", action="store_true", help="whoever asks may do everything")
    parser.add_argument(
        "--ecs-quotas", type=float, metavar="SHARE", help="throttle calls as ECS does"
    )
    arguments = parser.parse_args()
    if problem := version_problem():
        return refuse([problem])
    listening = listen([LOOPBACK, arguments.bridge] if arguments.bridge else [LOOPBACK])
    port = listening[0].getsockname()[1]
    configure(arguments, port)
    imports.spare(containers=bool(arguments.containers))
    links = all_links(arguments, port)
    if problems := check(links):
        return refuse(problems)
    for link in links:
        link.apply()
    try:
        uvloop.run(serve(listening, arguments.directory, port))
    finally:
        clean_up(arguments)
    return 0


def clean_up(arguments: argparse.Namespace) -> None:
    """Leave nothing that was started, not even this process."""
    try:
        if arguments.containers:
            from .docker_containers import remove_containers

            remove_containers(arguments.containers)
    finally:
        shutil.rmtree(arguments.directory, ignore_errors=True)
        # What ministack started for functions, and the tasks: all are in this process group.
        os.killpg(0, signal.SIGKILL)


def listen(addresses: list[str]) -> list[socket.socket]:
    """One and the same port on each address."""
    while True:
        with contextlib.ExitStack() as opened:
            first = opened.enter_context(socket.create_server((addresses[0], 0)))
            sockets, port = [first], first.getsockname()[1]
            try:
                for address in addresses[1:]:
                    sockets.append(opened.enter_context(socket.create_server((address, port))))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            opened.pop_all()
            return sockets


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


def configure(arguments: argparse.Namespace, port: int) -> None:
    """ministack's settings, which it reads when it is imported, and its functions inherit."""
    directory: Path = arguments.directory
    for name, value in {
        "GATEWAY_PORT": str(port),
        "AUTH": "false" if arguments.no_iam else "true",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "docker" if arguments.containers else "local",
        # Lambda's retries come after 1 and 2 minutes; here in the same shape, but sooner.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
        "TMPDIR": str(directory),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
    }.items():
        os.environ[name] = value


def all_links(arguments: argparse.Namespace, port: int) -> list[Link]:
    """Each link that is needed. Imports ministack, so only after `configure`."""
    from . import (
        alarm_dimensions,
        bucket_owner,
        cloudtrail,
        containers,
        credentials,
        ecs_quotas,
        eventbridge_to_ecs,
        eventbridge_to_lambda,
        eventbridge_to_sns,
        exports,
        function_crash,
        function_disk,
        function_failure,
        function_log,
        function_start,
        key_length,
        key_permissions,
        layer_permissions,
        log_permissions,
        metric_filters,
        nat,
        null_version,
        principal_arn,
        processes,
        run_task_permissions,
        service_linked_role,
        service_models,
        stack_deletion,
        stop_task,
        task_state_change,
        task_times,
        tasks_in_the_way,
    )

    links = [
        cloudtrail.LINK,
        eventbridge_to_ecs.link(f"http://{LOOPBACK}:{port}"),
        run_task_permissions.LINK,
        credentials.SESSIONS,
        service_linked_role.LINK,
        credentials.LINK,
        stack_deletion.LINK,
        stop_task.LINK,
        task_state_change.LINK,
        task_times.LINK,
        tasks_in_the_way.LINK,
        eventbridge_to_lambda.LINK,
        eventbridge_to_sns.link(iam=not arguments.no_iam),
        function_failure.LINK,
        key_permissions.LINK,
        key_length.LINK,
        bucket_owner.LINK,
        exports.LINK,
        layer_permissions.LINK,
        log_permissions.LINK,
        metric_filters.LINK,
        alarm_dimensions.LINK,
        null_version.LINK,
        principal_arn.LINK,
        nat.LINK,
        service_models.LINK,
        containers.LEAVE_THOSE_OF_OTHERS,
        containers.LIMITS_OF_TASKS,
    ]
    if arguments.ecs_quotas:  # the last around the calls of ECS, so it comes first
        links.append(ecs_quotas.link(arguments.ecs_quotas))
    if arguments.containers:
        return [*links, *containers.links(arguments.containers, arguments.function_image)]
    own = (
        processes.link(arguments.layer),
        function_crash.LINK,
        function_disk.LINK,
        function_log.LINK,
        function_start.link(arguments.layer),
    )
    return [*links, *own]


async def serve(listening: list[socket.socket], directory: Path, port: int) -> None:
    """Serve until SIGTERM, or until standard input ends."""
    from ministack.app import app
    from uvicorn import Config, Server

    from .tls import behind_tls

    server = Server(
        Config(
            behind_tls(app),
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=0,
        )
    )
    server.capture_signals = contextlib.nullcontext  # what signals do is said below

    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    # A Ctrl-C reaches whoever started us, too, and they say when to stop.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_reader(sys.stdin.fileno(), stop)

    announced = directory / "endpoint.new"
    announced.write_text(f"http://{LOOPBACK}:{port}")
    announced.rename(directory / "endpoint")
    gc.freeze()
    gc.enable()
    await server.serve(listening)


if __name__ == "__main__":
    sys.exit(main())
