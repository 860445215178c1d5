"""StopTask ends the containers first and reports their exit codes; ministack reports 0 at once.

With 0, a task that was stopped before its result would look like one that succeeded. A task that
is still starting is stopped when it runs: before, it has no exit code.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.services import ecs

from .links import Link, PatchPoint

_AWS_STOP_TIMEOUT = 30
_STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")


def apply() -> None:
    stop_task: Callable[[dict[str, Any]], object] = ecs._ACTION_MAP["StopTask"]

    def end_containers_and_stop(data: dict[str, Any]) -> object:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
        if task:
            _end_containers(task)
        return stop_task(data)

    ecs._ACTION_MAP["StopTask"] = end_containers_and_stop


def _end_containers(task: dict[str, Any]) -> None:
    while task["lastStatus"] in _STARTING:
        time.sleep(0.05)
    with resource_lock("ecs-task", task["taskArn"]):
        if task["lastStatus"] != "RUNNING":
            return
        task["lastStatus"] = "STOPPING"  # so that their end is not taken for a task that finished
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    for docker_id, container, declared in zip(
        task["_docker_ids"], task["containers"], definition["containerDefinitions"], strict=False
    ):
        running = ecs._get_docker().containers.get(docker_id)
        running.stop(timeout=declared.get("stopTimeout", _AWS_STOP_TIMEOUT))
        container["exitCode"] = running.wait()["StatusCode"]


LINK = Link(
    what="exit codes of tasks that are stopped",
    patch_points=(
        PatchPoint(ecs, "_ACTION_MAP"),
        PatchPoint(ecs, "_resolve_cluster_name", ("ref",)),
        PatchPoint(ecs, "_resolve_task", ("ref", "cluster_name")),
        PatchPoint(ecs, "_resolve_td_key", ("ref",)),
        PatchPoint(ecs, "_task_defs"),
        PatchPoint(ecs, "_get_docker", ()),
    ),
    apply=apply,
)
