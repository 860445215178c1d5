"""The tasks of a stack: see them, and end them before their network is taken away.

CloudFormation can't delete a cluster or a subnet that a task uses, and it waits for no task
(aws-cdk#8654).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import boto3
from botocore.config import Config

from . import stacks
from .stacks import Client, Stack

QUIET_SECONDS = 10
"""Seconds without a task, after which none is to come. ListTasks is eventually consistent, and a
rule that was disabled may match for "a short period" (EventBridge, DisableRule)."""
SECONDS_BETWEEN = 2
_PAGE = 100
"""The most that one DescribeTasks takes, and ListTasks gives."""


class StillRunning(Exception):
    """Tasks did not end in time: how many."""


def cluster(stack: Stack) -> str | None:
    """The stack's cluster, if it has one."""
    return next(iter(_there(stack, "AWS::ECS::Cluster")), None)


def keep_from_starting(stack: Stack, undo: ExitStack) -> None:
    """Disable what starts tasks, and leave with `undo` how to enable that again.

    Rules do it, of uploads and of the sweep; and functions that read a queue: under MaxTasks, and
    in hybrid mode for what the function could not do.
    """
    events, functions = boto3.client("events"), boto3.client("lambda")
    for rule in _there(stack, "AWS::Events::Rule"):
        if events.describe_rule(Name=rule)["State"] == "ENABLED":
            undo.callback(events.enable_rule, Name=rule)
            events.disable_rule(Name=rule)
    for mapping in _there(stack, "AWS::Lambda::EventSourceMapping"):
        if functions.get_event_source_mapping(UUID=mapping)["State"] == "Enabled":
            undo.callback(functions.update_event_source_mapping, UUID=mapping, Enabled=True)
            functions.update_event_source_mapping(UUID=mapping, Enabled=False)


def alive(cluster: str) -> set[str]:
    """The tasks that use the network: from when they are made until they are gone for good."""
    ecs = _ecs()
    found: set[str] = set()
    try:
        for desired in ("RUNNING", "STOPPED"):  # one that is to stop still takes its time
            pages = ecs.get_paginator("list_tasks").paginate(
                cluster=cluster, desiredStatus=desired, PaginationConfig={"PageSize": _PAGE}
            )
            for page in pages:
                if page["taskArns"]:
                    told = ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
                    found |= {task["taskArn"] for task in told if task["lastStatus"] != "STOPPED"}
    except ecs.exceptions.ClusterNotFoundException:
        return set()
    return found


def stop(cluster: str, seconds: float = 600) -> None:
    """Stop all tasks, and those that still come, until none is left. Raises StillRunning."""
    stopped: set[str] = set()
    for running in _watch(cluster, seconds, QUIET_SECONDS):
        for task in running - stopped:
            _ecs().stop_task(cluster=cluster, task=task, reason="the stack is being deleted")
        stopped |= running


def wait(cluster: str, seconds: float) -> None:
    """Wait until no task runs. Raises StillRunning."""
    for _ in _watch(cluster, seconds, quiet=0):
        pass


def _watch(cluster: str, seconds: float, quiet: float) -> Iterator[set[str]]:
    """Give those that are alive, and say how many, until there was none for so long."""
    began = last = time.monotonic()
    said = 0
    while True:
        running, now = alive(cluster), time.monotonic()
        if len(running) != said:
            said = len(running)
            print(f"  tasks that still run: {said}", flush=True)
        if running:
            last = now
            if now - began > seconds:
                raise StillRunning(f"after {seconds:g} s, {said} tasks still run")
            yield running
        elif now - last >= quiet:
            return
        time.sleep(SECONDS_BETWEEN)


def _there(stack: Stack, kind: str) -> list[str]:
    """The stack's resources of a type that are there."""
    return [
        each["PhysicalResourceId"]
        for each in stacks.resources(stack)
        if each["ResourceType"] == kind
        and each.get("PhysicalResourceId")
        and each["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def _ecs() -> Client:
    """ECS throttles by the account, and there may be hundreds of tasks."""
    patient = Config(retries={"mode": "standard", "total_max_attempts": 10})
    return boto3.client("ecs", config=patient)
