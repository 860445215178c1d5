"""The permission that GetLayerVersion needs: ministack asks for ListLayers, on the layer without
its version.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ministack.core import iam_actions

from .links import Link, PatchPoint

ONE_VERSION = re.compile(r"/layers/[^/]+/versions/(\d+)$")


def apply() -> None:
    """Ask for the version, as AWS does."""
    action: Callable[[str, str], str | None] = iam_actions._lambda_action
    resource_arn: Callable[..., str] = iam_actions.extract_resource_arn

    def lambda_action(method: str, path: str) -> str | None:
        reads_one = method == "GET" and ONE_VERSION.search(path)
        return "GetLayerVersion" if reads_one else action(method, path)

    def extract_resource_arn(service: str, method: str, path: str, *rest: object) -> str:
        arn = resource_arn(service, method, path, *rest)
        version = ONE_VERSION.search(path) if service == "lambda" else None
        return f"{arn}:{version[1]}" if version else arn

    iam_actions._lambda_action = lambda_action
    iam_actions.extract_resource_arn = extract_resource_arn


LINK = Link(
    what="the permission that GetLayerVersion needs",
    patch_points=(
        PatchPoint(iam_actions, "_lambda_action", ("method", "path")),
        PatchPoint(iam_actions, "extract_resource_arn", ("service", "method", "path")),
    ),
    apply=apply,
)
