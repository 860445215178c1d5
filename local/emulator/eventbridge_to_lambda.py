"""EventBridge invokes functions asynchronously; ministack runs them once and forgets.

So a function that a rule invokes is tried again and reported as its EventInvokeConfig says. Whether
the function lets the rule in is not asked.
"""

from __future__ import annotations

import json

from ministack.services import eventbridge, lambda_svc

from .links import Link, PatchPoint


def apply() -> None:
    def dispatch_to_lambda(arn: str, payload: str) -> None:
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            print(f"EventBridge: there is no function {name}", flush=True)
            return
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch_to_lambda


LINK = Link(
    what="EventBridge's asynchronous invocations",
    patch_points=(
        PatchPoint(eventbridge, "_dispatch_to_lambda", ("arn", "payload")),
        PatchPoint(lambda_svc, "_get_func_record_for_ref", ("function_ref",)),
        PatchPoint(lambda_svc, "_execution_record_for_config", ("func", "config")),
        PatchPoint(lambda_svc, "invoke_async_with_retry", ("func", "event")),
    ),
    apply=apply,
)
