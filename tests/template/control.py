"""A control of the baseline: what must hold for a type of resource, and ways to break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.template.synthesis import Stack

BUCKET, QUEUE, TOPIC = "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"
FUNCTION, PERMISSION = "AWS::Lambda::Function", "AWS::Lambda::Permission"
TASK, RULE, TRAIL = "AWS::ECS::TaskDefinition", "AWS::Events::Rule", "AWS::CloudTrail::Trail"
ENDPOINT, GROUP, SUBNET = "AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet"
REPOSITORY, BUILD = "AWS::ECR::Repository", "AWS::CodeBuild::Project"
LOGS, ROLE = "AWS::Logs::LogGroup", "AWS::IAM::Role"
CLUSTER, VPC = "AWS::ECS::Cluster", "AWS::EC2::VPC"

MISSING = object()
Holds = Callable[[Stack, str], bool]
Break = Callable[[Stack, str], None]


@dataclass(frozen=True)
class Control:
    """Something that must hold for each resource of a type."""

    name: str
    kind: str
    asked_by: str
    holds: Holds
    breaks: Mapping[str, Break]
    """Ways to break it, by name."""
    applies: Holds = lambda _, __: True
    """To which resources of the type."""
    reason: str = ""
    """The id of the suppression that will do instead, beside the resource."""


def at(properties: Any, path: str) -> Iterator[Any]:
    """What is at a path like `Rules.*.Id`, where `*` is each one of a list."""
    first, _, rest = path.partition(".")
    if first == "*":
        assert isinstance(properties, list), path
        for each in properties:
            yield from at(each, rest) if rest else [each]
        return
    found = properties.get(first, MISSING) if isinstance(properties, dict) else MISSING
    if found is MISSING or not rest:
        yield found
    else:
        yield from at(found, rest)


def put(path: str, value: Any) -> Break:
    """Set what is at a path, or with MISSING take it away."""

    def change(stack: Stack, name: str) -> None:
        parent, _, last = path.rpartition(".")
        holders = [stack[name]] if not parent else [*at(stack[name], parent)]
        for holder in holders:
            if value is MISSING:
                holder.pop(last, None)
            else:
                holder[last] = value

    return change


def value(
    name: str, kind: str, asked_by: str, path: str, good: Callable[[Any], bool], *bad: Any
) -> Control:
    """All that is at the path is good."""

    def holds(stack: Stack, resource: str) -> bool:
        found = [*at(stack[resource], path)]
        return bool(found) and all(good(each) for each in found)

    return Control(name, kind, asked_by, holds, {
        "gone" if each is MISSING else f"{path.rpartition('.')[2]}={each}": put(path, each)
        for each in bad
    })  # fmt: skip


def is_(expected: Any) -> Callable[[Any], bool]:
    return lambda found: found == expected


TOOLS = ("checkov", "baseline")
"""Whose suppressions the template has: checkov reads its own, and only these tests the others."""


def reason(stack: Stack, name: str, check: str) -> str:
    """Why nobody need ask, as the template has it beside the resource."""
    metadata = stack.resources[name].get("Metadata", {})
    skips = [skip for tool in TOOLS for skip in metadata.get(tool, {}).get("skip", [])]
    return next((skip["comment"] for skip in skips if skip["id"] == check), "")


def no_reason(check: str) -> Break:
    def change(stack: Stack, name: str) -> None:
        metadata = stack.resources[name].get("Metadata", {})
        for said in (metadata[tool] for tool in TOOLS if tool in metadata):
            said["skip"] = [skip for skip in said["skip"] if skip["id"] != check]

    return change


def nothing(stack: Stack, name: str) -> None:
    """Leave a resource as it is."""


def or_reason(
    name: str, kind: str, asked_by: str, check: str, holds: Holds, without: Break = nothing
) -> Control:
    """It holds, or the template says why not: a suppression of that id, with its reason."""

    def holds_or_reason(stack: Stack, resource: str) -> bool:
        return holds(stack, resource) or bool(reason(stack, resource, check))

    breaks = {"neither": both(without, no_reason(check))}
    return Control(f"{name}, or a reason", kind, asked_by, holds_or_reason, breaks, reason=check)


def both(*breaks: Break) -> Break:
    def change(stack: Stack, name: str) -> None:
        for each in breaks:
            each(stack, name)

    return change
