"""What a stack says of its jobs: its sweep's function, and ECS of its tasks."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import boto3
from botocore.config import Config
from processing import starters

from .stacks import NoStack, Stack

Json = dict[str, Any]


def ask_the_sweep(stack: Stack, event: Json) -> Json:
    """What the sweep's function replies. Raises NoStack when it can't look at the bucket."""
    once = Config(retries={"total_max_attempts": 1}, read_timeout=300)
    reply = boto3.client("lambda", config=once).invoke(
        FunctionName=stack.outputs["SweepFunctionName"], Payload=json.dumps(event)
    )
    said: Json = json.load(reply["Payload"])
    if "FunctionError" in reply:
        raise NoStack(f"the stack's sweep can't look at the bucket: {said.get('errorMessage')}")
    return said


def running_tasks(stack: Stack) -> list[Json]:
    """The uploads of tasks that run or start, and since when, those first that run longest."""
    cluster = stack.outputs.get("ClusterArn")
    if not cluster:
        return []
    ecs = boto3.client("ecs")
    told = [
        task
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster)
        if page["taskArns"]
        for task in ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
    ]
    return [
        {
            "bucket": starters.variable_of(task, "S3_BUCKET"),
            "key": starters.key_of(task),
            "since": task["createdAt"].astimezone(UTC).isoformat(),
        }
        for task in sorted(told, key=lambda task: task["createdAt"])
    ]
