"""What the policies of a role let it do, for links that ask for more than ministack does itself."""

from __future__ import annotations

from collections.abc import Mapping

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region

from .links import PatchPoint


def is_role(caller: str) -> bool:
    """Whether it is one's session: the account's owner may do everything."""
    return ":assumed-role/" in caller


def evaluate(
    caller: str, action: str, resource: str, keys: Mapping[str, str]
) -> tuple[iam_evaluator.EvalContext, iam_evaluator.EvalResult]:
    """The request with these condition keys, and what the policies of the caller's role say."""
    account = get_account_id()
    context = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=dict(keys),
    )
    policies = iam_evaluator._gather_role_policies(caller.split("/")[1], account)
    return context, iam_evaluator.evaluate(context, policies)


PATCH_POINTS = (
    PatchPoint(iam_evaluator, "_gather_role_policies", ("role_name", "account_id")),
    PatchPoint(iam_evaluator, "evaluate", ("ctx", "policies")),
    PatchPoint(iam_evaluator, "EvalContext"),
)
