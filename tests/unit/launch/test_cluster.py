"""Which tasks ECS is asked for, and which have ended."""

from __future__ import annotations

import cluster as of_cluster
import pytest
from botocore.exceptions import ClientError
from processing.errors import NotStarted
from processing.events import Upload

SETTINGS = {
    "CLUSTER": "c",
    "TASK_DEFINITION": "t",
    "SUBNETS": "s",
    "SECURITY_GROUP": "g",
    "PUBLIC_IP": "DISABLED",
}


class Tasks:
    """ECS's tasks, as boto3's client has them: most stopped in the hour before."""

    def __init__(self, running: list[str], desired: dict[str, str]) -> None:
        self.list, self.desired = running, desired
        self.calls: list[str] = []

    def get_paginator(self, name: str) -> Tasks:
        assert name == "list_tasks"
        return self

    def paginate(self, cluster: str, desiredStatus: str) -> list[dict]:
        self.calls.append(f"ListTasks {desiredStatus}")
        return [{"taskArns": self.list}]

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict:
        assert 0 < len(tasks) <= 100  # more is an InvalidParameterException
        self.calls.append(f"DescribeTasks {len(tasks)}")
        known = [task for task in tasks if task in self.desired]
        return {
            "tasks": [{"taskArn": task, "desiredStatus": self.desired[task]} for task in known],
            "failures": [{"arn": task, "reason": "MISSING"} for task in {*tasks} - {*known}],
        }


def test_only_tasks_that_are_not_listed_yet_are_asked_for(monkeypatch):
    """100 a call: a list of those that stopped would have all of the last hour."""
    tasks = [f"task {number:03}" for number in range(250)]
    ecs = Tasks(["listed"], dict.fromkeys(tasks[:-1], "STOPPED") | {tasks[7]: "RUNNING"})
    monkeypatch.setattr("boto3.client", lambda service, config=None: ecs)
    cluster = of_cluster.Cluster(SETTINGS)
    assert cluster.running() == {"listed"}
    # The last one is MISSING: started just now, so not ended.
    assert cluster.stopped({*tasks}) == {*tasks[:-1]} - {tasks[7]}
    assert ecs.calls == ["ListTasks RUNNING", *["DescribeTasks 100"] * 2, "DescribeTasks 50"]


class Ecs:
    """ECS without Spot capacity, as boto3's client."""

    def __init__(self) -> None:
        self.providers: list[str] = []

    def get_paginator(self, name: str) -> None: ...

    def run_task(self, **request: object) -> dict:
        strategy = request.get("capacityProviderStrategy")
        self.providers.append(strategy[0]["capacityProvider"] if strategy else "FARGATE")
        if strategy:
            return {"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time"}]}
        return {"tasks": [{"taskArn": "a task"}], "failures": []}


def test_throttling_buys_nothing_on_demand(monkeypatch):
    """Only where there is no spare capacity is it worth its price."""

    def throttled(self, **request: object) -> None:
        said = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
        raise ClientError(said | {"ResponseMetadata": {"HTTPStatusCode": 400}}, "RunTask")

    monkeypatch.setattr(Ecs, "run_task", throttled)
    monkeypatch.setattr("boto3.client", lambda service, config=None: Ecs())
    cluster = of_cluster.Cluster(SETTINGS | {"SPOT": "yes"})
    with pytest.raises(NotStarted):
        cluster.start(Upload("uploads", "input/a"), swept=False)


@pytest.mark.parametrize(
    ("spot", "swept", "providers"),
    [
        ("no", False, ["FARGATE"]),
        ("yes", False, ["FARGATE_SPOT", "FARGATE"]),
        ("yes", True, ["FARGATE"]),
    ],
)
def test_without_spot_capacity_or_after_an_interruption_it_is_on_demand(
    monkeypatch, spot, swept, providers
):
    ecs = Ecs()
    monkeypatch.setattr("boto3.client", lambda service, config=None: ecs)
    cluster = of_cluster.Cluster(SETTINGS | {"SPOT": spot})
    assert cluster.start(Upload("uploads", "input/a"), swept) == "a task"
    assert ecs.providers == providers
