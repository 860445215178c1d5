"""Whether a request is allowed, by AWS's documented evaluation logic and nothing else.

Sources, all of the IAM user guide. "Policy evaluation logic": an explicit deny anywhere ends it;
within an account, an allow by the identity's or by the resource's policy will do, but for a role's
trust and a key, whose own policies must say so; a boundary and an endpoint must allow besides; from
another account, both sides must; a policy that lets in an account leaves it to that account's own
policies whom. "IAM JSON policy elements: Condition operators": several values are alternatives, of
which a negated operator takes none; a missing key matches a negated operator only, or ...IfExists.
"IAM JSON policy elements: Principal". What is not known here is an error.

No ready library will do: the index has iamspy 0.0.1, which needs a solver and knows no endpoints,
and policyuniverse, which expands policies and evaluates none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Caller:
    """Who asks: a service, or an ARN of an account."""

    account: str = ""
    arn: str = ""
    service: str = ""
    policies: tuple[Statement, ...] = ()
    """What the caller's own policies say."""


@dataclass(frozen=True)
class Request:
    caller: Caller
    action: str
    resource: str
    owner: str
    """Account of the resource."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Condition keys of the request, beside those that follow from the caller."""

    @property
    def context(self) -> dict[str, str]:
        """All condition keys, in lower case."""
        keys = {
            "aws:SecureTransport": "true",
            "aws:PrincipalIsAWSService": "true" if self.caller.service else "false",
        }
        if self.caller.arn:
            keys |= {
                "aws:PrincipalArn": self.caller.arn,
                "aws:PrincipalAccount": self.caller.account,
            }
        return {key.lower(): value for key, value in {**keys, **self.keys}.items()}


def allowed(
    request: Request,
    of_resource: Iterable[Statement] = (),
    of_endpoint: Iterable[Statement] | None = None,
    of_boundary: Iterable[Statement] | None = None,
) -> bool:
    """What AWS would decide; `of_...` are the statements of these policies, None where none is."""
    mine = _matching(request, request.caller.policies)
    theirs = _matching(request, of_resource, principals=True)
    way = None if of_endpoint is None else _matching(request, of_endpoint, principals=True)
    limit = None if of_boundary is None else _matching(request, of_boundary)
    if "Deny" in mine | theirs | (way or set()) | (limit or set()):
        return False
    if way is not None and "Allow" not in way:
        return False
    by_identity = "Allow" in mine and (limit is None or "Allow" in limit)
    if "Allow" in theirs and request.caller.account in ("", request.owner):
        return True
    let_in = bool(theirs & {"Allow", "Allow the account"})
    if request.caller.account == request.owner and not _own_policy_decides(request.action):
        return by_identity
    return by_identity and let_in


def _own_policy_decides(action: str) -> bool:
    """Whether a resource takes no one in whom its own policy does not, even in its account."""
    return action == "sts:AssumeRole" or action.startswith("kms:")


def _matching(
    request: Request, statements: Iterable[Statement], *, principals: bool = False
) -> set[str]:
    """The effects of all statements that are about the request."""
    return {
        each["Effect"] + (" the account" if principals and _of_account(request, each) else "")
        for each in statements
        if (not principals or _is_principal(request.caller, each["Principal"]))
        and _among(request.action, each, "Action", ignore_case=True)
        and _among(request.resource, each, "Resource")
        and _holds(each.get("Condition", {}), request.context)
    }


def _of_account(request: Request, statement: Statement) -> bool:
    """Whether an allowing statement takes in the caller by its account alone."""
    principal, caller = statement["Principal"], request.caller
    if statement["Effect"] == "Deny" or principal == "*" or caller.service:
        return False
    return not {"*", caller.arn} & {*_listed(principal.get("AWS", []))}


def _is_principal(caller: Caller, principal: Any) -> bool:
    """Whether a statement is about the caller."""
    if principal == "*":
        return True
    unknown = principal.keys() - {"AWS", "Service"}
    assert not unknown, f"principals of kind {unknown}"
    if caller.service:
        return caller.service in _listed(principal.get("Service", []))
    partition = caller.arn.split(":")[1]
    names = {"*", caller.arn, caller.account, f"arn:{partition}:iam::{caller.account}:root"}
    return not names.isdisjoint(_listed(principal.get("AWS", [])))


def _among(value: str, statement: Statement, element: str, *, ignore_case: bool = False) -> bool:
    """Whether a statement's Action (Resource), or NotAction (NotResource), takes in the value."""
    if element in statement:
        patterns = _listed(statement[element])
        return any(_like(value, pattern, ignore_case) for pattern in patterns)
    if f"Not{element}" in statement:
        patterns = _listed(statement[f"Not{element}"])
        return not any(_like(value, pattern, ignore_case) for pattern in patterns)
    # A trust policy has no resource: it is about the role that it belongs to.
    assert element == "Resource", statement
    return True


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _compare(operator, context.get(key.lower()), [str(v) for v in _listed(values)])
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _equal(value: str, pattern: str) -> bool:
    return value == pattern


def _equal_but_for_case(value: str, pattern: str) -> bool:
    return value.lower() == pattern.lower()


def _like(value: str, pattern: str, ignore_case: bool = False) -> bool:
    """`*` is any text and `?` any character, `/` and `:` among them."""
    return bool(_expression(pattern, ignore_case).fullmatch(value))


@functools.cache
def _expression(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like_arn(value: str, pattern: str) -> bool:
    """Each of the six parts for itself; ArnEquals and ArnLike are the same."""
    values, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(values) == len(patterns) and all(map(_like, values, patterns))


_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equal, True),
    "StringNotEquals": (_equal, False),
    "StringLike": (_like, True),
    "StringNotLike": (_like, False),
    "ArnEquals": (_like_arn, True),
    "ArnLike": (_like_arn, True),
    "ArnNotEquals": (_like_arn, False),
    "ArnNotLike": (_like_arn, False),
    "Bool": (_equal_but_for_case, True),
}
"""How each compares, and whether a match is what it asks for."""


def _compare(operator: str, value: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    compare, affirmative = _OPERATORS[operator.removesuffix("IfExists")]
    if value is None:
        return not affirmative or operator.endswith("IfExists")
    return any(compare(value, each) for each in wanted) == affirmative


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
