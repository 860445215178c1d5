"""What a resource's own policy must say, as controls ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.attempts.attempt import ADMINISTRATOR, Attempt
from tests.template.control import Break, Control, Holds
from tests.template.policies import Account
from tests.template.synthesis import Stack


def without_statement(sid: str) -> Break:
    """Take a statement out of the policies of a resource."""

    def change(stack: Stack, name: str) -> None:
        for resource in stack.resources.values():
            document = resource.get("Properties", {}).get("PolicyDocument", {})
            if any(f"<{name}" in json.dumps(each) for each in document.get("Statement", [])):
                document["Statement"] = [
                    each for each in document["Statement"] if each.get("Sid") != sid
                ]

    return change


def statement(sid: str, **change: str) -> Break:
    """Change a statement in the policy of a resource."""

    def broken(stack: Stack, name: str) -> None:
        for resource in stack.resources.values():
            document = resource.get("Properties", {}).get("PolicyDocument", {})
            for each in document.get("Statement", []):
                if each.get("Sid") == sid and f"<{name}" in json.dumps(each):
                    each |= {key: value.format(name=name) for key, value in change.items()}

    return broken


ALARM = {"aws:SourceArn": "arn:aws-test:cloudwatch:xx-test-9:111122223333:alarm:mazes-Alarm-1"}


def tls_only(
    kind: str,
    asked_by: str,
    *calls: tuple[str, str],
    by: str = ADMINISTRATOR,
    given: Mapping[str, str] | None = None,
    applies: Holds = lambda _, __: True,
) -> Control:
    """Whoever comes without TLS is refused, whatever else they may.

    Tried are these calls: an action, and what follows the resource's ARN.
    """

    def holds(stack: Stack, name: str) -> bool:
        account = Account(stack)

        def allows(action: str, below: str, tls: str) -> bool:
            keys = {**(given or {}), "aws:SecureTransport": tls}
            on = f"{{{name}}}{below}"
            return account.allows(Attempt(by, action, on, tls == "true", given=keys))

        return all(allows(*call, "true") and not allows(*call, "false") for call in calls)

    breaks = {
        "no statement": without_statement("TlsOnly"),
        "for another action": statement("TlsOnly", Action="none:None"),
        **{
            f"for {action} only": statement("TlsOnly", Action=action)
            for action, _ in calls
            if len(calls) > 1
        },
        "for what lies below only": statement("TlsOnly", Resource="<{name}.Arn>/*"),
    }
    return Control("TLS only", kind, asked_by, holds, breaks, applies)


def nobody_else_publishes(stack: Stack, name: str) -> bool:
    return not Account(stack).allows(Attempt(ADMINISTRATOR, "sns:Publish", f"{{{name}}}", False))


def nobody_else_sends(stack: Stack, name: str) -> bool:
    attempt = Attempt(ADMINISTRATOR, "sqs:SendMessage", f"{{{name}}}", False)
    return not Account(stack).allows(attempt)


def for_a_service(stack: Stack, name: str) -> bool:
    """Nobody but services takes on a role."""
    statements = stack[name]["AssumeRolePolicyDocument"]["Statement"]
    return all(
        each["Principal"].keys() == {"Service"} for each in statements if each["Effect"] == "Allow"
    )


def for_the_account(stack: Stack, name: str) -> None:
    (statement,) = stack[name]["AssumeRolePolicyDocument"]["Statement"]
    statement["Principal"] = {"AWS": "111122223333"}


def no_wildcard_action(stack: Stack, name: str) -> bool:
    statements = Account(stack).of_role(name)
    return not any("*" in action for each in statements for action in listed(each["Action"]))


def any_action(stack: Stack, name: str) -> None:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}
    stack[name]["Policies"] = [*stack[name].get("Policies", []), policy]


def listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]
