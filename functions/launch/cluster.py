"""Starts tasks, and knows which ones have not ended."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import boto3
from processing import starters
from processing.errors import NoCapacity
from processing.events import Upload
from processing.settings import setting

DESCRIBED = 100
"""Tasks that one call of DescribeTasks takes."""


class Cluster:
    """The stack's cluster."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        spot = environment.get("SPOT") == "yes"
        # What is throttled waits in the queue, and not in a call that the time would run out in.
        self._on_demand = starters.Fargate(environment, paced=True)
        self._spot = starters.Fargate(environment, spot=True, paced=True) if spot else None
        self._ecs = boto3.client("ecs")
        self._name = setting(environment, "CLUSTER", "the cluster's ARN")

    def start(
        self, upload: Upload, swept: bool, job_version: str | None = None, token: str = ""
    ) -> str:
        """Gives the task's ARN: with a token that was used, that of the same task.

        Spot capacity may be short or taken back: what a sweep starts again does not wait for it.
        Raises NotStarted, ClientError.
        """
        if self._spot and not swept:
            with contextlib.suppress(NoCapacity):
                return self._spot.start(upload, job_version, token and f"{token}-spot")
        return self._on_demand.start(upload, job_version, token)

    def running(self) -> set[str]:
        """ARNs of the tasks that run, or were started and not told to stop."""
        pages = self._ecs.get_paginator("list_tasks").paginate(
            cluster=self._name, desiredStatus="RUNNING"
        )
        return {arn for page in pages for arn in page["taskArns"]}

    def stopped(self, tasks: set[str]) -> set[str]:
        """Which of these have ended or were told to.

        A list of all that stopped would have an hour's tasks. DescribeTasks may be behind RunTask,
        too: what it calls MISSING is not known yet, and so has not ended.
        """
        asked, found = sorted(tasks), set()
        for first in range(0, len(asked), DESCRIBED):
            some = asked[first : first + DESCRIBED]
            said = self._ecs.describe_tasks(cluster=self._name, tasks=some)["tasks"]
            found |= {task["taskArn"] for task in said if task["desiredStatus"] == "STOPPED"}
        return found
