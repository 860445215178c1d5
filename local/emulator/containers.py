"""Tasks and functions in containers, where Docker has the images.

ministack starts them; what it leaves out of their definitions is added here. Neither gets less CPU
than there is, and functions have no read-only root and no other user than the image's. What is
added to tasks counts for tasks as processes, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import container_reaper
from ministack.services import ecs, lambda_svc
from ministack.services.cloudformation import provisioners

from .links import Link, PatchPoint

Json = dict[str, Any]


def links(label: str, function_image: str) -> list[Link]:
    """The links, with the label of all containers and the image that functions run in."""
    return [
        Link(
            what="the memory and the image of a function's container",
            patch_points=(
                PatchPoint(lambda_svc, "_docker_image_for_runtime", ("runtime",)),
                PatchPoint(lambda_svc, "_spawn_lambda_container", ("config", "code_zip")),
            ),
            apply=lambda: _limit_functions(function_image),
        ),
        Link(
            what="all that a function's container printed in an invocation",
            patch_points=(
                PatchPoint(
                    lambda_svc, "_invoke_rie", ("container", "event", "timeout", "request_id")
                ),
            ),
            apply=_read_logs_to_their_end,
        ),
        Link(
            what="whose a container is",
            patch_points=(PatchPoint(container_reaper, "own_labels", ("service",)),),
            apply=lambda: _label(label),
        ),
    ]


def _limit_tasks() -> None:
    normalize: Callable[[list[Json]], list[Json]] = provisioners._normalize_container_defs
    build: Callable[..., Json] = ecs._build_run_kwargs

    def normalize_container_defs(definitions: list[Json]) -> list[Json]:
        """CloudFormation's names as those of ECS, in the depth, too."""
        return [
            container | {"linuxParameters": provisioners._pascal_to_camel(parameters)}
            if (parameters := container.get("linuxParameters"))
            else container
            for container in normalize(definitions)
        ]

    def build_run_kwargs(cdef: Json, td: Json, *rest: object) -> Json:
        arguments = build(cdef, td, *rest) | limits(cdef, td)
        return arguments | {"volumes": volumes(cdef, arguments.get("volumes") or [])}

    provisioners._normalize_container_defs = normalize_container_defs
    ecs._build_run_kwargs = build_run_kwargs


def limits(container: Mapping[str, Any], task: Mapping[str, Any]) -> Json:
    """What a task definition asks for one of its containers, as docker-py names it."""
    linux = container.get("linuxParameters") or {}
    memory = container.get("memory") or task.get("memory")
    return {
        "user": container.get("user"),
        "read_only": bool(container.get("readonlyRootFilesystem")),
        "cap_drop": (linux.get("capabilities") or {}).get("drop"),
        "init": bool(linux.get("initProcessEnabled")),
        "mem_limit": f"{memory}m" if memory else None,
        "memswap_limit": f"{memory}m" if memory else None,
    }


def volumes(container: Mapping[str, Any], of_this_machine: list[str]) -> list[str]:
    """Those of a container, with the ones that are folders of this machine (folder:point:mode).

    The others get no name: then, as on Fargate, the image's VOLUME says whose they are.
    """
    taken = {volume.split(":")[1] for volume in of_this_machine}
    points = [point["containerPath"] for point in container.get("mountPoints") or []]
    return [point for point in points if point not in taken] + of_this_machine


LIMITS_OF_TASKS = Link(
    what="the limits and rights of a task's container",
    patch_points=(
        PatchPoint(provisioners, "_normalize_container_defs", ("cdefs",)),
        PatchPoint(provisioners, "_pascal_to_camel", ("obj",)),
        PatchPoint(ecs, "_build_run_kwargs", ("cdef", "td")),
    ),
    apply=_limit_tasks,
)


def _limit_functions(image: str) -> None:
    spawn: Callable[..., tuple[Any, object]] = lambda_svc._spawn_lambda_container

    def spawn_with_its_memory(config: Json, *rest: object, **named: object) -> tuple[Any, object]:
        container, directory = spawn(config, *rest, **named)
        memory = f"{config['MemorySize']}m"
        container.update(mem_limit=memory, memswap_limit=memory)
        return container, directory

    lambda_svc._spawn_lambda_container = spawn_with_its_memory
    lambda_svc._docker_image_for_runtime = lambda runtime: image


def _read_logs_to_their_end() -> None:
    invoke: Callable[..., Json] = lambda_svc._invoke_rie
    lambda_svc._invoke_rie = lambda container, *rest: invoke(WholeLogs(container), *rest)


class WholeLogs:
    """A function's container. Its response may be here before what it printed is with Docker."""

    ENDS = (b"REPORT RequestId: ", b"Invoke DONE failed")
    """The last lines of an invocation, from the emulator of Lambda's interface."""
    SECONDS = 10
    """For a container that was ended and says neither."""

    def __init__(self, container: Any) -> None:  # noqa: ANN401, of a package without types
        self._container = container

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._container, name)

    def logs(self, since: float | None = None, **options: bool) -> bytes:
        """What it printed; of an invocation, which began then, all."""
        ends = time.monotonic() + self.SECONDS
        while True:
            printed: bytes = self._container.logs(since=since, **options)
            is_whole = since is None or any(end in printed for end in self.ENDS)
            if is_whole or time.monotonic() > ends:
                return printed
            time.sleep(0.02)


def _label(label: str) -> None:
    """So that whoever started the emulator finds its containers, and no others."""
    name, _, value = label.partition("=")
    own_labels: Callable[..., dict[str, str]] = container_reaper.own_labels
    container_reaper.own_labels = lambda *args, **named: own_labels(*args, **named) | {name: value}


def _leave_containers_alone() -> None:
    app._stop_docker_containers = lambda include_unlabelled=False: None


LEAVE_THOSE_OF_OTHERS = Link(
    what="no removal of containers that another ministack left, when it starts",
    patch_points=(PatchPoint(app, "_stop_docker_containers", ("include_unlabelled",)),),
    apply=_leave_containers_alone,
)
