"""The condition key aws:PrincipalArn: of a role's session it is the role's ARN, and ministack says
the session's. A policy that lets in one role and nobody else would let in nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from ministack.core import iam_evaluator

from .links import Link, PatchPoint


def apply() -> None:
    """Give the ARN of the role. Ours have no paths, which a session's ARN leaves out."""
    resolve: Callable[[str, iam_evaluator.EvalContext], object]
    resolve = iam_evaluator._resolve_condition_key

    def resolve_condition_key(key: str, ctx: iam_evaluator.EvalContext) -> object:
        value = resolve(key, ctx)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
            return value
        partition, account = str(value).split(":")[1], ctx.principal_account
        return f"arn:{partition}:iam::{account}:role/{str(value).split('/')[1]}"

    iam_evaluator._resolve_condition_key = resolve_condition_key


LINK = Link(
    what="aws:PrincipalArn of roles",
    patch_points=(PatchPoint(iam_evaluator, "_resolve_condition_key", ("key", "ctx")),),
    apply=apply,
)
