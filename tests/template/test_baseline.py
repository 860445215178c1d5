"""The security baseline holds in every stack, and would be missed if it did not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.template.baseline import CONTROLS, NOTHING_TO_ASK, Control
from tests.template.synthesis import CHOICES, Stack, synthesize

KINDS = {control.kind for control in CONTROLS}
KEY = "arn:aws-test:kms:xx-test-9:111122223333:key/0"
STACKS = {
    **CHOICES,
    **{f"{name}-key": {**choice, "KmsKeyArn": KEY} for name, choice in CHOICES.items()},
}
DIFFERENT = {
    name: CHOICES[name]
    for name in (
        "lambda", "hybrid-own-image", "cloudtrail-isolated", "fargate-private", "fargate-public",
        "hybrid-ceiling", "hybrid-alarm-email",
    )
}  # fmt: skip
"""Stacks that have, between them, every resource in each of its forms."""
by_name = pytest.mark.parametrize("choice", STACKS.values(), ids=STACKS.keys())
every_break = pytest.mark.parametrize(
    ("control", "way"),
    [(control, way) for control in CONTROLS for way in control.breaks],
    ids=lambda each: f"{each.kind}: {each.name}" if isinstance(each, Control) else each,
)


@by_name
def test_every_control_holds_for_every_resource(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    assert [
        f"{name}: {control.name} ({control.asked_by})"
        for control in CONTROLS
        for name in resources(control, stack)
        if not control.holds(stack, name)
    ] == []


@by_name
def test_every_type_has_a_control_or_none_to_ask_for(choice: dict[str, str]) -> None:
    types = {resource["Type"] for resource in synthesize(choice).resources.values()}
    assert types <= KINDS | NOTHING_TO_ASK


def test_nothing_to_ask_names_no_type_that_has_a_control() -> None:
    assert not KINDS & NOTHING_TO_ASK


def resources(control: Control, stack: Stack) -> list[str]:
    """Those that a control is about."""
    return [name for name in stack.of_type(control.kind) if control.applies(stack, name)]


def test_the_stacks_that_differ_have_every_type() -> None:
    def types(choices: Iterable[dict[str, str]]) -> set[str]:
        stacks = [synthesize(choice).resources.values() for choice in choices]
        return {resource["Type"] for stack in stacks for resource in stack}

    assert types(DIFFERENT.values()) == types(CHOICES.values())


@every_break
def test_a_control_that_is_broken_is_missed(control: Control, way: str) -> None:
    """Each way to break it, for each resource of the stacks that differ."""
    tried = 0
    for choice in DIFFERENT.values():
        for name in resources(control, synthesize(choice)):
            stack = synthesize(choice)
            control.breaks[way](stack, name)
            if stack.resources != synthesize(choice).resources:
                tried += 1
                assert not control.holds(stack, name), name
    assert tried, "there is nothing that it could break"
