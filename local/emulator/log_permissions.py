"""The permission to write to a log stream or to read it is one on the stream; ministack asks for
one on the group, whose ARN no policy for streams covers.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from ministack.core import iam_actions

from .links import Link, PatchPoint

OF_A_STREAM = {"CreateLogStream", "PutLogEvents", "GetLogEvents"}


def apply() -> None:
    """Ask for the stream, as AWS does."""
    resource_arn: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: object
    ) -> str:
        arn = resource_arn(service, method, path, headers, body, *rest)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "logs" and operation in OF_A_STREAM:
            return f"{arn}:log-stream:{json.loads(body)['logStreamName']}"
        return arn

    iam_actions.extract_resource_arn = extract_resource_arn


LINK = Link(
    what="the permissions on log streams",
    patch_points=(
        PatchPoint(
            iam_actions, "extract_resource_arn", ("service", "method", "path", "headers", "body")
        ),
    ),
    apply=apply,
)
