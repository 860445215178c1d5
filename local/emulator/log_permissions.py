"""The permission to write to a log stream or to read it is one on the stream; ministack asks for
one on the group, whose ARN no policy for streams covers.
"""

from __future__ import annotations

import json

from . import resource_arn
from .links import Link

OF_A_STREAM = {"CreateLogStream", "PutLogEvents", "GetLogEvents"}


def apply() -> None:
    """Ask for the stream, as AWS does."""

    def of_the_stream(request: resource_arn.Request, arn: str) -> str:
        if request.service == "logs" and request.operation in OF_A_STREAM:
            return f"{arn}:log-stream:{json.loads(request.body)['logStreamName']}"
        return arn

    resource_arn.correct(of_the_stream)


LINK = Link(
    what="the permissions on log streams",
    patch_points=(resource_arn.PATCH_POINT,),
    apply=apply,
)
