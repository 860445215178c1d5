"""The table of attempts, judged by the policies of the synthesized template.

That finds what the embedded AWS can't judge, and a second time what it can.
"""

from __future__ import annotations

import copy
import functools
from collections import Counter

import pytest

from tests.support.attempts.attempt import DEPLOYED, STACKS, Attempt
from tests.support.attempts.table import ATTEMPTS
from tests.support.cases import in_turn
from tests.template.policies import Account
from tests.template.synthesis import CHOICES, synthesize
from tests.template.test_key import BOUNDARY, boundary

OF_ROLES = [attempt for attempt in ATTEMPTS if attempt.by.endswith("Role")]
DENIED = [attempt for attempt in ATTEMPTS if not attempt.allowed]


@functools.cache
def account_of(stack: str) -> Account:
    return Account(synthesize(STACKS[stack]))


@functools.cache
def bounded(stack: str) -> Account:
    return Account(synthesize(STACKS[stack], PermissionsBoundaryArn=BOUNDARY), boundary())


def test_the_policies_allow_what_is_needed_and_nothing_else() -> None:
    wrong = [str(each) for each in ATTEMPTS if account_of(each.stack).allows(each) != each.allowed]
    assert wrong == []


def test_under_the_documented_boundary_roles_may_do_what_they_need() -> None:
    """A boundary only takes away: what is denied without it needs no second look."""
    needed = [attempt for attempt in OF_ROLES if attempt.allowed]
    assert needed
    assert [str(each) for each in needed if not bounded(each.stack).allows(each)] == []


@pytest.mark.parametrize(
    ("action", "on"),
    [
        ("iam:PutRolePolicy", "{TaskRole}"),
        ("iam:PassRole", "{OtherRole}"),
        ("s3:PutBucketPolicy", "{DataBucket}"),
        ("s3:DeleteObjectVersion", "{DataBucket}/output/a.png"),
        ("ecs:RegisterTaskDefinition", "*"),
        ("lambda:UpdateFunctionCode", "{SweepFunction}"),
        ("events:PutRule", "{OtherRule}"),
        ("ec2:RunInstances", "*"),
    ],
)
def test_the_boundary_holds_whatever_a_roles_own_policy_says(action: str, on: str) -> None:
    opened = copy.deepcopy(bounded("hybrid"))
    opened.stack["TaskRole"]["Policies"] = [
        {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
    ]
    attempt = Attempt("TaskRole", action, on, False)
    assert not opened.allows(attempt)
    opened.boundary = None
    assert opened.allows(attempt)


def test_the_boundary_has_no_more_than_what_roles_need() -> None:
    """As actions; kms: is needed with a key, which no row of the table is about."""
    needed = {attempt.action for attempt in OF_ROLES if attempt.allowed}
    listed = {action for each in boundary() for action in as_list(each["Action"])}
    assert {each for each in listed if not each.startswith("kms:")} == needed


def as_list(found: str | list[str]) -> list[str]:
    return [found] if isinstance(found, str) else found


def test_no_attempt_is_there_twice() -> None:
    assert [name for name, count in Counter(map(str, ATTEMPTS)).items() if count > 1] == []


def test_every_denial_has_a_reason() -> None:
    assert [str(attempt) for attempt in DENIED if not attempt.why] == []


def test_every_role_is_refused_something_on_the_embedded_aws() -> None:
    refused = Counter(attempt.by for attempt in DENIED if attempt.can_be_made)
    stacks = map(synthesize, CHOICES.values())
    assert refused.keys() == {role for each in stacks for role in each.of_type("AWS::IAM::Role")}
    assert min(refused.values()) >= 4
    assert refused.total() >= 40


@in_turn("stack", DEPLOYED)
def test_every_action_that_a_role_has_is_one_that_it_needs(stack: str) -> None:
    """A right that no row of the table needs is one too many, or a row is missing."""
    account = account_of(stack)
    rows = {(attempt.by, attempt.action) for attempt in ATTEMPTS if attempt.allowed}
    for role in account.stack.of_type("AWS::IAM::Role"):
        for statement in account.of_role(role):
            actions = statement["Action"] if statement["Effect"] == "Allow" else []
            for action in actions if isinstance(actions, list) else [actions]:
                assert (role, action) in rows


@in_turn("stack, role", sorted({(a.stack, a.by) for a in ATTEMPTS if a.can_be_made}))
def test_the_judge_notices_a_role_that_may_do_anything(stack: str, role: str) -> None:
    """With `*` in its policy, no more of its refusals hold than those that others make."""
    opened = copy.deepcopy(account_of(stack))
    opened.stack[role]["Policies"] = [
        {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
    ]
    mine = [a for a in DENIED if (a.stack, a.by) == (stack, role) and a.can_be_made]
    held = [a for a in mine if not opened.allows(a)]
    # A queue refuses all but those it knows, a role all but its service, and JobPolicy says no.
    uploading = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}
    held = [a for a in held if a.action not in uploading or "/input/" not in a.on]
    assert {a.action for a in held} <= {"sqs:SendMessage", "sts:AssumeRole"}
    assert len(held) < len(mine)
