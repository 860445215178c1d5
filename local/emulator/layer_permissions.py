"""The permission to fetch a version of a layer: ministack asks for ListLayers, on any resource."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions

from .links import Link, PatchPoint


def apply() -> None:
    """Ask for GetLayerVersion on that version, as AWS does."""
    action: Callable[..., str | None] = iam_actions.extract_iam_action
    resource_arn: Callable[..., str] = iam_actions.extract_resource_arn

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

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: object,
        body: object,
        query: Mapping[str, Any],
        *rest: object,
    ) -> str:
        arn = resource_arn(service, method, path, headers, body, query, *rest)
        version = _version(path, query) if service == "lambda" else ""
        return version if version.startswith("arn:") else arn + version

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn


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
        PatchPoint(
            iam_actions,
            "extract_resource_arn",
            ("service", "method", "path", "headers", "body", "query_params"),
        ),
    ),
    apply=apply,
)
