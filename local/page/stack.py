"""What the template makes with some parameters, and how its parts hang together.

Read from the template itself: notifications, patterns and targets of rules, sources of events, and
what roles may send, start and write. No resource is known by its name, but the bucket of uploads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tooling.template import Chosen, Node, of_type

UPLOADS, RESULTS = "DataBucket", "outputs and rejections"

TYPES = {
    "AWS::S3::Bucket": "S3 bucket",
    "Custom::Bucket": "S3 bucket of your own",
    "AWS::CloudTrail::Trail": "CloudTrail trail",
    "AWS::Events::Rule": "EventBridge rule",
    "AWS::Serverless::Function": "Lambda function",
    "AWS::ECS::TaskDefinition": "Fargate task",
    "AWS::SQS::Queue": "SQS queue",
}
"""What a picture shows; roles, policies and networks are how, and not where."""


@dataclass(frozen=True, order=True)
class Edge:
    """From one part to another; `failure` if only what went wrong takes this way."""

    source: str
    target: str
    failure: bool = False


@dataclass(frozen=True)
class Stack:
    """The parts, each with its type, and the ways between them."""

    parts: dict[str, str]
    edges: frozenset[Edge]


def read(parameters: Mapping[str, str]) -> Stack:
    """The stack that these parameters, and the defaults of the others, make."""
    made = Chosen(**{"WorkerImageUri": "given", **parameters}).resources()
    for name, resource in [*made.items()]:
        if resource["Type"] == "Custom::Bucket":  # in place of the stack's own, which keeps notes
            made[UPLOADS] = made.pop(name)
    edges = {
        edge
        for edge in _edges(made)
        if edge.source != edge.target and {edge.source, edge.target} <= {*_shown(made), RESULTS}
    }
    certain = {edge for edge in edges if not edge.failure}
    edges -= {Edge(edge.source, edge.target, failure=True) for edge in certain}
    connected = {name for edge in edges for name in (edge.source, edge.target)}
    parts = {name: kind for name, kind in _shown(made).items() if name in connected}
    return Stack({**parts, RESULTS: "the same bucket"}, frozenset(edges))


def _shown(made: Mapping[str, Node]) -> dict[str, str]:
    return {name: TYPES[each["Type"]] for name, each in made.items() if each["Type"] in TYPES}


def _edges(made: Mapping[str, Node]) -> Iterator[Edge]:
    patterns = {name: str(p["Properties"].get("EventPattern", "")) for name, p in made.items()}
    for name, resource in made.items():
        properties = resource["Properties"]
        match resource["Type"]:
            case "AWS::S3::Bucket":
                notified = properties.get("NotificationConfiguration", {})
                yield from _to(name, _references(notified))
                if notified.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
                    yield from _to(name, _matching(patterns, "Object Created"))
            case "Custom::Bucket" if properties["Events"] == "yes":
                yield from _to(name, _matching(patterns, "Object Created"))
            case "AWS::CloudTrail::Trail":
                for bucket in _references(properties["EventSelectors"]):
                    yield Edge(bucket, name)
                yield from _to(name, _matching(patterns, "CloudTrail"))
            case "AWS::ECS::TaskDefinition":
                yield from _to(name, _matching(patterns, "ECS Task State Change"), failure=True)
                yield from _allowed(name, properties["TaskRoleArn"], made)
            case "AWS::Events::Rule":
                for target in properties["Targets"]:
                    ends = [target["Arn"], target.get("EcsParameters", {})]
                    only_failures = "aws.ecs" in patterns[name]
                    yield from _to(name, _references(ends), failure=only_failures)
                    yield from _to(name, _references(target.get("DeadLetterConfig")), failure=True)
            case "AWS::Serverless::Function":
                reported = properties.get("EventInvokeConfig", {}).get("DestinationConfig")
                yield from _to(name, _references(reported), failure=True)
                for event in properties.get("Events", {}).values():
                    for source in _references(event):
                        yield Edge(source, name)
                yield from _allowed(name, properties["Role"], made, {*_references(reported)})
            case "AWS::SQS::Queue":
                yield from _to(name, _references(properties.get("RedrivePolicy")), failure=True)


def _to(source: str, targets: Iterable[str], failure: bool = False) -> Iterator[Edge]:
    return (Edge(source, target, failure) for target in targets)


def _matching(patterns: Mapping[str, str], words: str) -> list[str]:
    return [name for name, pattern in patterns.items() if words in pattern]


def _allowed(
    name: str, role: Node, made: Mapping[str, Node], failures: Iterable[str] = ()
) -> Iterator[Edge]:
    """Where the role of a part lets it send, what it lets it start, and where it lets it write."""
    for statement in _statements(role, made):
        actions = statement["Action"]
        actions = {actions} if isinstance(actions, str) else {*actions}
        reached = [*_references(statement["Resource"])]
        if actions & {"sqs:SendMessage", "lambda:InvokeFunction"}:
            yield from (Edge(name, target, target in failures) for target in reached)
        if "ecs:RunTask" in actions:
            yield from _to(name, of_type(made, "AWS::ECS::TaskDefinition"))
        if "s3:PutObject" in actions and {"OutputPrefix", "RejectedPrefix"} & {*reached}:
            yield Edge(name, RESULTS)


def _statements(role: Node, made: Mapping[str, Node]) -> Iterator[Node]:
    for name in _references(role):
        properties = made[name]["Properties"]
        managed = [made[each] for each in _references(properties.get("ManagedPolicyArns", []))]
        documents = [policy["Properties"] for policy in managed] + properties.get("Policies", [])
        for document in documents:
            yield from document["PolicyDocument"]["Statement"]


def _references(node: Node) -> Iterator[str]:
    """The names in Ref, GetAtt and Sub below a node."""
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                yield from re.findall(r"\$\{(\w+)[.}]", text)
                yield from _references(value[1:] if isinstance(value, list) else [])
            else:
                yield from _references(value)
