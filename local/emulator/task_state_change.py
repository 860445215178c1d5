"""ECS tells EventBridge when a task changes its state; ministack does not."""

from __future__ import annotations

from collections.abc import Callable

from ministack.services import ecs

from . import bus
from .links import Link, PatchPoint

_OF_TASK = (
    "attachments",
    "availabilityZone",
    "clusterArn",
    "connectivity",
    "connectivityAt",
    "cpu",
    "createdAt",
    "desiredStatus",
    "ephemeralStorage",
    "executionStoppedAt",
    "lastStatus",
    "launchType",
    "memory",
    "overrides",
    "platformVersion",
    "pullStartedAt",
    "pullStoppedAt",
    "startedAt",
    "startedBy",
    "stopCode",
    "stoppedAt",
    "stoppedReason",
    "stoppingAt",
    "taskArn",
    "taskDefinitionArn",
    "version",
)
_OF_CONTAINER = (
    "containerArn",
    "cpu",
    "exitCode",
    "image",
    "lastStatus",
    "memory",
    "name",
    "networkInterfaces",
    "reason",
    "runtimeId",
    "taskArn",
)
_TRANSITIONS = ("_mark_task_pending", "_mark_task_running", "_mark_task_stopped")

Task = dict[str, object]


def apply() -> None:
    """Put an event on the bus after each of ministack's transitions of a task."""
    for name in _TRANSITIONS:
        setattr(ecs, name, _with_event(getattr(ecs, name)))


def _with_event(transition: Callable[..., bool]) -> Callable[..., bool]:
    def mark(task_arn: str, task: Task, *rest: object, **named: object) -> bool:
        changed = transition(task_arn, task, *rest, **named)
        if changed:
            bus.emit("aws.ecs", "ECS Task State Change", detail(task), [task_arn])
        return changed

    return mark


def detail(task: Task) -> dict[str, object]:
    """The event's detail. As on AWS, what is not known yet is left out, not null."""
    family = str(task["taskDefinitionArn"]).rsplit("/", 1)[-1].split(":")[0]
    containers = task.get("containers")
    assert isinstance(containers, list)
    return {
        **_known(task, _OF_TASK),
        "group": task.get("group") or f"family:{family}",
        "containers": [_known(container, _OF_CONTAINER) for container in containers],
    }


def _known(record: Task, fields: tuple[str, ...]) -> dict[str, object]:
    return {field: record[field] for field in fields if record.get(field) not in (None, "")}


LINK = Link(
    what="ECS Task State Change events",
    patch_points=(
        *bus.PATCH_POINTS,
        *(PatchPoint(ecs, name, ("task_arn", "task")) for name in _TRANSITIONS),
    ),
    apply=apply,
)
