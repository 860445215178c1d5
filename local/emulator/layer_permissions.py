"""The permission to fetch a version of a layer: ministack asks for ListLayers, on any resource."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions

from . import resource_arn
from .links import Link, PatchPoint


def apply() -> None:
    """Ask for GetLayerVersion on that version, as AWS does."""
    action: Callable[..., str | None] = iam_actions.extract_iam_action

    def extract_iam_action(
        service: str,
        method: str,
        path: str,
        headers: object,
        body: object,
        query: Mapping[str, Any],
    ) -> str | None:
        if service == "lambda" and method == "GET" and _version(path, query):
            return "lambda:GetLayerVersion"
        return action(service, method, path, headers, body, query)

    def with_its_version(request: resource_arn.Request, arn: str) -> str:
        version = _version(request.path, request.query) if request.service == "lambda" else ""
        return version if version.startswith("arn:") else arn + version

    iam_actions.extract_iam_action = extract_iam_action
    resource_arn.correct(with_its_version)


def _version(path: str, query: Mapping[str, Any]) -> str:
    """`:` and the version of the layer in the path, or the ARN of one by which it is looked for."""
    if found := re.search(r"/layers/[^/]+/versions/(\d+)$", path):
        return f":{found[1]}"
    if path.endswith("/layers") and "find" in query:
        arn = query["Arn"]
        return str(arn[0] if isinstance(arn, list) else arn)
    return ""


LINK = Link(
    what="the permission that GetLayerVersion needs",
    patch_points=(
        PatchPoint(
            iam_actions,
            "extract_iam_action",
            ("service", "method", "path", "headers", "body", "query_params"),
        ),
        resource_arn.PATCH_POINT,
    ),
    apply=apply,
)
