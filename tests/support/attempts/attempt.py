"""One call of somebody, and whether it must succeed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STACKS: dict[str, dict[str, str]] = {
    # Between them, these two have every role, in each of its forms.
    "hybrid": {"Mode": "hybrid", "WorkerImageUri": "", "MaxTasks": "5"},
    "fargate": {"Mode": "fargate", "WorkerImageUri": "registry.example/worker:1"},
    "lambda": {
        "Mode": "lambda",
        "AlarmEmail": "operator@example.com",
        "ResultTopic": "true",
        "AfterSuccess": "delete",
    },
    "cloudtrail": {
        "Mode": "fargate",
        "EventSource": "cloudtrail",
        "WorkerImageUri": "registry.example/worker:1",
    },
    "brings": {
        "Mode": "hybrid",
        "BucketName": "somebodys-bucket",
        "WorkerImageUri": "registry.example/worker:1",
    },
}
DEPLOYED = ("hybrid", "fargate")
"""On the embedded AWS."""
ADMINISTRATOR = "an administrator of the account"
STRANGER = "an administrator of another account"


@dataclass(frozen=True)
class Attempt:
    """One call, and whether it must succeed."""

    by: str
    """Logical id of a role, name of a service, ADMINISTRATOR or STRANGER."""
    action: str
    on: str
    allowed: bool
    why: str = ""
    stack: str = "hybrid"
    given: Mapping[str, str] = field(default_factory=dict)
    """Condition keys of the request; values may name resources as `on` does."""
    via: str = ""
    """Logical id of the endpoint that the call goes through."""

    @property
    def can_be_made(self) -> bool:
        """Whether a client on the embedded AWS can make the call."""
        return (
            self.by.endswith("Role")
            and self.stack in DEPLOYED
            and not self.via
            and self.action != "iam:PassRole"  # part of RunTask
            and self.given.keys() <= {"ecs:cluster"}
        )

    def __str__(self) -> str:
        verb = "may" if self.allowed else "must not"
        way = f" via {self.via}" if self.via else ""
        given = "".join(f" [{key}={value}]" for key, value in self.given.items())
        return f"{self.stack}: {self.by} {verb} {self.action} {self.on}{way}{given}"
