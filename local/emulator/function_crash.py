"""A function's process that ends before it is ready takes no others with it.

ministack then ends all processes of the function, which fail, too, and end those that came after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime

from .links import Link, PatchPoint

Json = dict[str, Any]


def apply() -> None:
    invoke: Callable[..., Json] = lambda_runtime.Worker.invoke

    def invoke_alone(self: lambda_runtime.Worker, *arguments: object, **named: object) -> Json:
        try:
            return invoke(self, *arguments, **named)
        except (RuntimeError, OSError) as error:  # as _spawn raises them
            return {"status": "error", "error": str(error), "cold_start": True}

    lambda_runtime.Worker.invoke = invoke_alone


LINK = Link(
    what="functions that end before they are ready",
    patch_points=(PatchPoint(lambda_runtime.Worker, "invoke", ("self", "event", "request_id")),),
    apply=apply,
)
