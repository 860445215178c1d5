"""Tasks as processes, where Docker does not respond: each container is a process of this machine.

ministack asks a Docker client for containers; this is one, as far as ministack asks. The worker
runs from the built layer, with the environment that ECS would give it. What the container would
forbid is forbidden where the machine can (isolation.py); the limits of memory and CPU, and what an
image has beside the layer, are not there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

from ministack.services import ecs

from . import isolation
from .links import Link, PatchPoint

ENTRYPOINT = ("-m", "processing")
"""The image's (worker/Dockerfile), after the name of the interpreter."""
ANOTHER_USER = "65532:65532"
"""The image's, too."""


class Container:
    """One process, as docker-py would show a container."""

    def __init__(
        self,
        interpreter: Path,
        layer: Path,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        volumes: Iterable[str] = (),
        user: str | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex * 2
        self.name = name
        self.attrs: dict[str, object] = {"NetworkSettings": {"Networks": {}}}
        self._directory = tempfile.TemporaryDirectory(prefix="task-")
        self._lines: list[bytes] = []
        self._changed = threading.Condition()
        self._ended = False
        # ministack's is that by which a container reaches its host.
        endpoint = environment.get("AWS_ENDPOINT_URL", "").replace(
            "//host.docker.internal:", "//127.0.0.1:"
        )
        arguments = [*ENTRYPOINT, *command]
        self._isolated = not isolation.problem()
        if self._isolated:
            mounted = self._mounted(volumes)
            user = user or ANOTHER_USER
            run = isolation.isolated(arguments, interpreter, layer, mounted, user)
            layer, own = isolation.LAYER, {}
        else:
            # In the one place that it can have for itself: the worker empties it.
            own = {"DISK": self._directory.name}
            run = [str(interpreter / isolation.PYTHON), *arguments]
        self._process = subprocess.Popen(
            run,
            cwd=self._directory.name,
            env={
                "PATH": os.defpath,
                "HOME": "/",
                "PYTHONPATH": str(layer / "python"),
                **environment,
                "AWS_ENDPOINT_URL": endpoint,
                **own,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._read, daemon=True, name=f"output-{name}").start()

    def _mounted(self, volumes: Iterable[str]) -> list[str]:
        """The volumes, with an empty folder for each that is no folder of this machine."""
        named = []
        for number, volume in enumerate(volumes):
            if ":" not in volume:
                folder = Path(self._directory.name, str(number))
                folder.mkdir()
                volume = f"{folder}:{volume}:rw"
            named.append(volume)
        return named

    def _read(self) -> None:
        assert self._process.stdout
        try:
            # Closed at its end: what ministack keeps of a task must keep no file open.
            with self._process.stdout as output:
                for line in output:
                    with self._changed:
                        self._lines.append(line)
                        self._changed.notify_all()
            self._process.wait()
            self._directory.cleanup()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    @property
    def status(self) -> str:
        return "exited" if self._ended else "running"

    def reload(self) -> None:
        """A process is always up to date."""

    def wait(self, **_: object) -> dict[str, int]:
        """The exit code; of a process that a signal ended, 128 + its number, as Docker has it."""
        code = self._process.wait()
        return {"StatusCode": code if code >= 0 else 128 - code}

    def logs(self, **_: object) -> Iterator[bytes]:
        """The lines as they come, until the process ends."""
        seen = 0
        while new := self._lines_after(seen):
            yield from new
            seen += len(new)

    def _lines_after(self, seen: int) -> list[bytes]:
        """Wait for more; empty when the process ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._lines) > seen)
            return self._lines[seen:]

    def stop(self, timeout: float = 10, **_: object) -> None:
        # unshare hands on no signal. It ends by what its child ended by, and takes it along.
        first = isolation.first_process(self._process.pid) if self._isolated else None
        if first:
            os.kill(first, signal.SIGTERM)
        else:
            self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def kill(self, **_: object) -> None:
        self._process.send_signal(signal.SIGKILL)

    def remove(self, **_: object) -> None:
        if not self._ended:
            self._process.kill()


class Containers:
    """The client's `containers`."""

    def __init__(self, layer: Path) -> None:
        self._layer = layer
        # In the emulator's own folder, which goes with it.
        self._interpreter = Path(tempfile.mkdtemp(prefix="interpreter-"))
        isolation.make_interpreter(self._interpreter)
        self._by_id: dict[str, Container] = {}

    def run(
        self,
        image: str,
        *,
        name: str,
        environment: Mapping[str, str],
        command: list[str] | None = None,
        volumes: Iterable[str] = (),
        user: str | None = None,
        **_: object,
    ) -> Container:
        container = Container(
            self._interpreter, self._layer, name, command or [], environment, volumes, user
        )
        self._by_id[container.id] = container
        return container

    def get(self, container_id: str) -> Container:
        return self._by_id[container_id]  # ministack catches whatever there is instead

    def list(self, **_: object) -> list[Container]:
        """None, to ministack's reaper of what is left over: these end with the emulator."""
        return []


def link(layer: Path) -> Link:
    """The link, with the built layer that tasks run from."""
    client = SimpleNamespace(containers=Containers(layer))

    def apply() -> None:
        ecs._get_docker = lambda: client

    return Link(
        what="tasks as processes",
        patch_points=(
            PatchPoint(ecs, "_get_docker", ()),
            PatchPoint(ecs, "_run_docker_container", ("docker_client", "cdef", "run_kwargs")),
        ),
        apply=apply,
    )
