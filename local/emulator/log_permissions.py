"""The permission that GetLogEvents needs is one on the stream; ministack asks for one on the group,
whose ARN no policy for streams covers.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from ministack.core import iam_actions

from .links import Link, PatchPoint


def apply() -> None:
    """Ask for the stream, as AWS does."""
    resource_arn: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: object
    ) -> str:
        arn = resource_arn(service, method, path, headers, body, *rest)
        if service == "logs" and headers.get("x-amz-target", "").endswith(".GetLogEvents"):
            return f"{arn}:log-stream:{json.loads(body)['logStreamName']}"
        return arn

    iam_actions.extract_resource_arn = extract_resource_arn


LINK = Link(
    what="the permission that GetLogEvents needs",
    patch_points=(
        PatchPoint(
            iam_actions, "extract_resource_arn", ("service", "method", "path", "headers", "body")
        ),
    ),
    apply=apply,
)
