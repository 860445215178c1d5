"""The judge itself: cases that AWS's documentation of evaluation spells out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.evaluator import Caller, Request, allowed

ROLE = "arn:aws:iam::111122223333:role/r"
ROOT = "arn:aws:iam::111122223333:root"
FILE = "arn:aws:s3:::b/a.png"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def ask(*policies: dict[str, Any], account: str = "111122223333", **more: Any) -> bool:
    """A role of that account asks for a file of 111122223333."""
    action, keys = more.pop("action", "s3:GetObject"), more.pop("keys", {})
    caller = Caller(account, ROLE.replace("111122223333", account), policies=policies)
    return allowed(Request(caller, action, FILE, "111122223333", keys), **more)


def allow(**more: Any) -> dict[str, Any]:
    return {**ALL, **more}


def deny(**more: Any) -> dict[str, Any]:
    return {**ALL, "Effect": "Deny", **more}


def test_what_nobody_allows_is_denied() -> None:
    assert not ask()


def test_a_deny_outweighs_every_allow() -> None:
    assert not ask(ALL, deny(), of_resource=[allow(Principal="*")])
    assert not ask(ALL, of_resource=[deny(Principal="*")])


def test_within_an_account_the_resource_may_allow_by_itself() -> None:
    assert ask(of_resource=[allow(Principal={"AWS": ROLE})])


def test_a_policy_that_names_the_account_leaves_it_to_the_callers_own() -> None:
    named = [allow(Principal={"AWS": ROOT})]
    assert not ask(of_resource=named)
    assert ask(ALL, of_resource=named)


def test_from_another_account_both_must_allow() -> None:
    stranger = {"account": "999999999999"}
    named = [allow(Principal={"AWS": "999999999999"})]
    assert not ask(ALL, **stranger)
    assert not ask(of_resource=named, **stranger)
    assert ask(ALL, of_resource=named, **stranger)


@in_turn("action", ["sts:AssumeRole", "kms:Decrypt"])
def test_roles_and_keys_take_in_nobody_by_the_callers_policy_alone(action: str) -> None:
    assert not ask(ALL, action=action)
    assert ask(ALL, action=action, of_resource=[allow(Principal={"AWS": ROOT})])


def test_a_boundary_and_an_endpoint_must_allow_besides() -> None:
    other = [allow(Action="sqs:*", Principal="*")]
    assert not ask(ALL, of_boundary=other)
    assert not ask(ALL, of_endpoint=other)
    assert ask(ALL, of_boundary=[ALL], of_endpoint=[allow(Principal="*")])


def test_a_service_is_let_in_by_the_resource_only() -> None:
    service = Caller(service="events.amazonaws.com", policies=(ALL,))
    request = Request(service, "sqs:SendMessage", "arn:aws:sqs:r:1:q", "111122223333")
    assert not allowed(request)
    assert not allowed(request, [allow(Principal={"Service": "s3.amazonaws.com"})])
    assert allowed(request, [allow(Principal={"Service": "events.amazonaws.com"})])


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(Action="s3:get*"), True),
        (allow(Action=["s3:Put*", "s3:GetObjectTagging"]), False),
        (allow(Resource="arn:aws:s3:::b/*.png"), True),
        (allow(Resource="arn:aws:s3:::b/A.png"), False),
        (allow(Resource="arn:aws:s3:::b/?.png"), True),
        ({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}, False),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}, False),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::c/*"}, True),
    ],
    ids=str,
)
def test_actions_ignore_case_and_resources_do_not(
    statement: dict[str, Any], expected: bool
) -> None:
    assert ask(statement) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"k": "v"}}, True),
        ({"StringEquals": {"K": ["u", "v"]}}, True),
        ({"StringEquals": {"k": "V"}}, False),
        ({"StringEquals": {"missing": "v"}}, False),
        ({"StringEqualsIfExists": {"missing": "v"}}, True),
        ({"StringNotEquals": {"k": ["u", "v"]}}, False),
        ({"StringNotEquals": {"missing": "v"}}, True),
        ({"StringLike": {"k": "*"}}, True),
        ({"Bool": {"aws:SecureTransport": "TRUE"}}, True),
        ({"Null": {"k": "true"}}, False),
        ({"Null": {"missing": "true"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*/r"}}, False),
        ({"ArnNotEquals": {"aws:PrincipalArn": [ROLE, ROOT]}}, False),
        ({"StringEquals": {"k": "v"}, "Bool": {"aws:SecureTransport": "false"}}, False),
        ({"StringEquals": {"k": "v", "missing": "v"}}, False),
    ],
    ids=str,
)
def test_conditions_all_hold_and_each_by_one_of_its_values(
    condition: dict[str, Any], expected: bool
) -> None:
    assert ask(allow(Condition=condition), keys={"k": "v"}) is expected


def test_what_it_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError, match="NumericLessThan"):
        ask(allow(Condition={"NumericLessThan": {"k": "1"}}), keys={"k": "0"})
