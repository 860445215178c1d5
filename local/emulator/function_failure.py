"""The record that Lambda sends to a function's on-failure destination; ministack's lacks the time
and the ID of the invocation.

The ID is not that of the log: ministack does not keep it for so long.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from ministack.core.responses import new_uuid, now_iso
from ministack.services import lambda_svc

from . import queues
from .links import Link, PatchPoint

Json = dict[str, object]


def apply() -> None:
    """Send the record as AWS documents it, where the destination is a queue."""
    route: Callable[..., None] = lambda_svc._route_async_failure

    def route_async_failure(target_arn: str, func_name: str, event: Json, result: Json) -> None:
        if ":sqs:" not in target_arn:
            route(target_arn, func_name, event, result)
            return
        said = result.get("body")
        function = lambda_svc._functions[func_name]["config"]
        record = {
            "version": "1.0",
            "timestamp": now_iso(),
            "requestContext": {
                "requestId": new_uuid(),
                "functionArn": f"{function['FunctionArn']}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": result.get("function_error") or "Unhandled",
            },
            "responsePayload": said if isinstance(said, dict) else {},
        }
        if not queues.send(target_arn, json.dumps(record), {}):
            print(f"{func_name}: lost the record of a failure: no {target_arn}", flush=True)

    lambda_svc._route_async_failure = route_async_failure


LINK = Link(
    what="the time and ID in the records of failed functions",
    patch_points=(
        *queues.PATCH_POINTS,
        PatchPoint(
            lambda_svc, "_route_async_failure", ("target_arn", "func_name", "event", "result")
        ),
        PatchPoint(lambda_svc, "_functions"),
    ),
    apply=apply,
)
