"""A cluster with tasks, and a subnet in which one runs, can't be deleted; ministack deletes both.

ECS says ClusterContainsTasksException, EC2 says DependencyViolation while the task has its address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from .links import Link, PatchPoint

Properties = Mapping[str, object]
Task = Mapping[str, Any]

_CLUSTER, _SUBNET = "AWS::ECS::Cluster", "AWS::EC2::Subnet"
_HAS_TASKS = "The Cluster cannot be deleted while Tasks are active."


class InUse(Exception):
    """What CloudFormation shows as the reason of DELETE_FAILED."""


def apply() -> None:
    """Both calls and both resources."""
    delete: Callable[[dict[str, Any]], object] = ecs._ACTION_MAP["DeleteCluster"]

    def delete_cluster(data: dict[str, Any]) -> object:
        if _tasks_of(data.get("cluster", "default")):
            return error_response_json("ClusterContainsTasksException", _HAS_TASKS, 400)
        return delete(data)

    ecs._ACTION_MAP["DeleteCluster"] = delete_cluster
    _guard(_CLUSTER, _tasks_of, _HAS_TASKS)
    _guard(_SUBNET, _tasks_in, "The subnet has dependencies and cannot be deleted.")


def _guard(kind: str, in_the_way: Callable[[str], list[Task]], reason: str) -> None:
    handler = provisioners._RESOURCE_HANDLERS[kind]
    delete: Callable[[str, Properties], None] = handler["delete"]

    def delete_unless_used(physical_id: str, properties: Properties) -> None:
        if in_the_way(physical_id):
            raise InUse(reason)
        delete(physical_id, properties)

    provisioners._RESOURCE_HANDLERS[kind] = {**handler, "delete": delete_unless_used}


def _tasks_of(cluster: str) -> list[Task]:
    name = ecs._resolve_cluster_name(cluster)
    return [t for t in _alive() if ecs._resolve_cluster_name(t["clusterArn"]) == name]


def _tasks_in(subnet: str) -> list[Task]:
    return [task for task in _alive() if task.get("_subnet") == subnet]


def _alive() -> list[Task]:
    return [task for task in tuple(ecs._tasks.values()) if task["lastStatus"] != "STOPPED"]


LINK = Link(
    what="tasks keep their cluster and subnet from being deleted",
    patch_points=(
        PatchPoint(ecs, "_ACTION_MAP"),
        PatchPoint(ecs, "_resolve_cluster_name", ("ref",)),
        PatchPoint(ecs, "_tasks"),
        PatchPoint(provisioners, "_RESOURCE_HANDLERS"),
    ),
    apply=apply,
)
