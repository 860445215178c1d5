"""What is made in the stack's name, and how long that name may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from operate import preflight
from tests.support.cases import in_turn
from tests.template.synthesis import CHOICES, ROOT, synthesize

OPERATIONS = " ".join((ROOT / "docs/OPERATIONS.md").read_text().split())
SUFFIX = "-1234567890123"
"""The longest that CloudFormation adds to a name of its own."""


def passed_roles(node: Any) -> Iterator[str]:
    """The roles that statements allow to be passed."""
    if isinstance(node, dict):
        if node.get("Action") == "iam:PassRole":
            yield from re.findall(r"<(\w+)\.Arn>", str(node["Resource"]))
        for each in node.values():
            yield from passed_roles(each)
    elif isinstance(node, list):
        for each in node:
            yield from passed_roles(each)


@in_turn("choice", CHOICES)
def test_no_role_that_is_passed_has_its_name_cut_at_the_length_that_is_allowed(choice: str) -> None:
    resources = synthesize(CHOICES[choice]).resources
    for role in passed_roles(resources):
        name = "a" * preflight.LONGEST_NAME_WITH_BOUNDARY + f"-{role}{SUFFIX}"
        assert len(name) <= 64, role


def test_one_character_more_and_one_would_be() -> None:
    roles = {r for c in CHOICES.values() for r in passed_roles(synthesize(c).resources)}
    longest = max(roles, key=len)
    assert preflight.LONGEST_NAME_WITH_BOUNDARY + len(f"-{longest}{SUFFIX}") == 64


def test_the_documents_say_both_lengths() -> None:
    assert f"may have {preflight.LONGEST_NAME} letters, digits and hyphens" in OPERATIONS
    assert f"{preflight.LONGEST_NAME_WITH_BOUNDARY} with the [boundary]" in OPERATIONS


@pytest.mark.parametrize(
    ("kind", "name", "longest"),
    [
        ("AWS::Lambda::LayerVersion", "LayerName", 140),
        ("AWS::ECS::TaskDefinition", "Family", 255),
        ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
    ],
)
def test_what_is_called_like_the_stack_may_be_as_long(kind: str, name: str, longest: int) -> None:
    """Limits: PublishLayerVersion, RegisterTaskDefinition, PutDashboard."""
    made = synthesize(CHOICES["fargate-own-image"]).of_type(kind).values()
    assert made
    for properties in made:
        more = len(properties[name]) - len("mazes")
        assert preflight.LONGEST_NAME + more <= longest
