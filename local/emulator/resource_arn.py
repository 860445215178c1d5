"""The resource that IAM is asked about for a request, which several links correct."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ministack.core import iam_actions

from .links import PatchPoint


class Request(NamedTuple):
    """What ministack tells a resource by."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, Any]

    @property
    def operation(self) -> str:
        """Of a service whose requests name it in a header."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]


def correct(corrected: Callable[[Request, str], str]) -> None:
    """Ask about what this makes of a request and of the ARN that was taken for its resource."""
    extract: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(*asked: Any) -> str:  # noqa: ANN401, of a package without types
        return corrected(Request(*asked[: len(Request._fields)]), extract(*asked))

    iam_actions.extract_resource_arn = extract_resource_arn


PATCH_POINT = PatchPoint(
    iam_actions,
    "extract_resource_arn",
    ("service", "method", "path", "headers", "body", "query_params"),
)
