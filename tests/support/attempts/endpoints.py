"""The ways out of isolated subnets."""

from __future__ import annotations

from tests.support.attempts.attempt import ADMINISTRATOR, STRANGER, Attempt
from tests.support.attempts.roles import JOB, LOG


def ways_out() -> list[Attempt]:
    """The ways out of isolated subnets, for whoever has the machine and any credentials."""
    s3, api, images, logs = (
        "S3GatewayEndpoint", "EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint",
    )  # fmt: skip
    group = "{JobLogGroup}:log-stream:attempts"
    layers = "arn:{Partition}:s3:::prod-{Region}-starport-layer-bucket/a"
    out, who = "stolen files would go there", "only the task's own role comes this way"
    pull = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
    return [
        *(Attempt("TaskRole", action, on, True, via=s3) for action, on in JOB),
        Attempt(ADMINISTRATOR, "s3:PutObject", "{OtherBucket}/a", False, out, via=s3),
        Attempt(STRANGER, "s3:PutObject", "{OtherBucket}/a", False, out, via=s3),
        Attempt(ADMINISTRATOR, "s3:PutObject", "{DataBucket}/input/a", False, who, via=s3),
        Attempt(ADMINISTRATOR, "s3:PutObject", layers, False, "read only", via=s3),
        Attempt(ADMINISTRATOR, "s3:GetObject", layers, True, via=s3),
        *(Attempt("ExecutionRole", action, "{Repository}", True, via=api) for action in pull),
        *(Attempt("ExecutionRole", action, "{Repository}", True, via=images) for action in pull),
        Attempt("ExecutionRole", "ecr:GetAuthorizationToken", "*", True, via=api),
        Attempt(ADMINISTRATOR, "ecr:PutImage", "{Repository}", False, "pull only", via=images),
        Attempt(ADMINISTRATOR, "ecr:PutImage", "{OtherRepository}", False, out, via=images),
        Attempt(ADMINISTRATOR, "ecr:CreateRepository", "*", False, "pull only", via=api),
        *(Attempt("ExecutionRole", action, on, True, via=logs) for action, on in LOG),
        Attempt(ADMINISTRATOR, "logs:PutLogEvents", group, False, who, via=logs),
        Attempt(ADMINISTRATOR, "logs:PutLogEvents", "{OtherLogGroup}:log-stream:s", False, out,
                via=logs),
        Attempt("ExecutionRole", "logs:GetLogEvents", group, False, "write only", via=logs),
    ]  # fmt: skip
