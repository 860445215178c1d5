"""The security baseline holds in every stack, and would be missed if it did not."""

from __future__ import annotations

from collections.abc import Iterable

from tests.support.cases import in_turn
from tests.template.baseline import CONTROLS, NOTHING_TO_ASK
from tests.template.control import Control, no_reason
from tests.template.synthesis import CHOICES, SOURCE, SUPPRESSIONS, Stack, synthesize

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
        "hybrid-max-tasks", "hybrid-alarm-email", "lambda-result-topic", "lambda-brings-bucket",
    )
}  # fmt: skip
"""Stacks that have, between them, every resource in each of its forms."""
by_name = in_turn("choice", STACKS.values())


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


@in_turn("control, way", [(control, way) for control in CONTROLS for way in control.breaks])
def test_a_control_that_is_broken_is_missed(control: Control, way: str) -> None:
    """Each way to break it, for each resource of the stacks that differ."""
    tried = 0
    for choice in DIFFERENT.values():
        whole = synthesize(choice)
        for name in resources(control, whole):
            stack = synthesize(choice)
            control.breaks[way](stack, name)
            if stack.resources != whole.resources:
                tried += 1
                assert not control.holds(stack, name), name
    assert tried, "there is nothing that it could break"


SUPPRESSED = [
    (name, check, each["reason"])
    for check, reasons in SUPPRESSIONS["baseline"].items()
    for each in reasons
    for name in each["resources"]
]


@in_turn("name, check, comment", SUPPRESSED)
def test_a_suppression_has_a_reason_and_is_needed(name: str, check: str, comment: str) -> None:
    """One of what is no longer there would hide what comes next."""
    assert len(comment.split()) > 3
    kind = SOURCE["Resources"][name]["Type"].replace("::Serverless::", "::Lambda::")
    controls = [each for each in CONTROLS if (each.kind, each.reason) == (kind, check)]
    assert controls, "no control asks for it"
    stacks = [synthesize(choice) for choice in DIFFERENT.values()]
    having = [stack for stack in stacks if name in stack.resources]
    for stack in having:
        no_reason(check)(stack, name)
    assert having
    assert not any(control.holds(stack, name) for control in controls for stack in having)


def test_no_control_is_suppressed_twice() -> None:
    assert len({each[:2] for each in SUPPRESSED}) == len(SUPPRESSED)
