"""The account that the sweep's handler finds, and its settings."""

from __future__ import annotations

from types import SimpleNamespace

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
SETTINGS = {
    "BUCKET": "uploads",
    "NOTES_BUCKET": "uploads",
    "MODE": "lambda",
    "FUNCTION": "process",
    "FUNCTION_TIMEOUT": "0.000001",
    "TASK_TIMEOUT": "0.000001",
    "OVERHEAD_SECONDS": "0.000003",
    "MAX_ATTEMPTS": "3",
    "PROCESSOR": "nothing:here",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
TASKS = {
    "MODE": "fargate",
    "CLUSTER": "a cluster",
    "TASK_DEFINITION": "worker:1",
    "SUBNETS": "subnet-1,subnet-2",
    "SECURITY_GROUP": "sg-1",
    "PUBLIC_IP": "DISABLED",
}


class Clients:
    """The account's services, as boto3's clients."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.failures: list[dict] = []
        self.error: Exception | None = None
        self.running: list[str] = []
        """The keys of uploads whose tasks run."""
        self.tasks_bucket = "uploads"
        self.unknown: Exception | None = None
        """What ECS says instead of naming them."""
        self.exceptions = SimpleNamespace(QueueDoesNotExist=NoQueue)

    def client(self, service: str, config: object) -> Clients:
        return self

    def invoke(self, **request: object) -> None:
        self.calls.append(request)

    def run_task(self, **request: object) -> dict:
        self.calls.append(request)
        if self.error:
            raise self.error
        return {
            "failures": self.failures,
            "tasks": [] if self.failures else [{"taskArn": "a task"}],
        }

    def get_paginator(self, operation: str) -> Clients:
        assert operation == "list_tasks"
        return self

    def paginate(self, cluster: str) -> list[dict]:
        if self.unknown:
            raise self.unknown
        return [{"taskArns": [key]} for key in self.running] or [{"taskArns": []}]

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict:
        variables = [
            {"name": "S3_BUCKET", "value": self.tasks_bucket},
            {"name": "S3_KEY", "value": tasks[0]},
        ]
        worker = {"name": "worker", "environment": variables}
        return {"tasks": [{"overrides": {"containerOverrides": [worker]}}]}

    def get_queue_attributes(self, **request: object) -> None:
        raise NoQueue("The specified queue does not exist.")


class NoQueue(Exception):
    """What SQS raises."""


def one_message(self: Clients, **request: object) -> dict:
    counts = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "1"}
    return {"Attributes": counts}


def starts_of(call: dict) -> str:
    (override,) = call["overrides"]["containerOverrides"]
    return next(each["value"] for each in override["environment"] if each["name"] == "S3_KEY")
