"""A function's process ends alone, and only if it has to.

One that ends before it is ready has ministack end all processes of the function, which fail, too,
and end those that came after. And one whose handler raised goes on to the next invocation, as on
AWS, whose runtime reports the error and asks for it (awslambdaric, bootstrap.py); ministack starts
another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime

from .links import Link, PatchPoint

Json = dict[str, Any]


_ENDS = '{"status": "error", "error": str(e), "trace"'
_GOES_ON = '{"status": "ok", "raised": True, "error": str(e), "trace"'


def apply() -> None:
    invoke: Callable[..., Json] = lambda_runtime.Worker.invoke

    def invoke_alone(self: lambda_runtime.Worker, *arguments: object, **named: object) -> Json:
        try:
            reply = invoke(self, *arguments, **named)
            return reply | {"status": "error"} if "raised" in reply else reply
        except (RuntimeError, OSError) as error:  # as _spawn raises them
            return {"status": "error", "error": str(error), "cold_start": True}

    lambda_runtime.Worker.invoke = invoke_alone
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert _ENDS in script, "ministack hears of errors in another way"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_ENDS, _GOES_ON)


LINK = Link(
    what="functions that end before they are ready, or raise",
    patch_points=(
        PatchPoint(lambda_runtime.Worker, "invoke", ("self", "event", "request_id")),
        PatchPoint(lambda_runtime, "_PYTHON_WORKER_SCRIPT"),
    ),
    apply=apply,
)
