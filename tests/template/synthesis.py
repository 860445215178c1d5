"""The template that CloudFormation would work with: SAM expanded, parameters, conditions and
intrinsic functions resolved, what the conditions leave out gone.

A reference to a resource becomes `<LogicalId>` or `<LogicalId.Attribute>`, so that an assertion can
name it. A reference to a resource that these parameters do not make is an error, as on AWS.
"""

from __future__ import annotations

import copy
import functools
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from tooling.template import source

ROOT = Path(__file__).parents[2]
SOURCE = source()
SUPPRESSIONS: dict[str, dict[str, list[dict[str, Any]]]] = yaml.load(
    Path(__file__).with_name("suppressions.yaml").read_text(), yaml.CSafeLoader
)
"""By tool and check: reasons, each with the resources that it is about."""
GUID = "01234567-89ab-cdef-0123-456789abcdef"
BUCKET = f"uploads-{GUID}"

# Nothing like the region and the partition that one has in mind while writing.
PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws-test",
    "AWS::Region": "xx-test-9",
    "AWS::StackId": f"arn:aws-test:cloudformation:xx-test-9:111122223333:stack/mazes/{GUID}",
    "AWS::StackName": "mazes",
    "AWS::URLSuffix": "test.example",
}
FARGATE = {"Mode": "fargate", "WorkerImageUri": "registry.example/worker:1"}
HYBRID = {**FARGATE, "Mode": "hybrid"}
CLOUDTRAIL = {**FARGATE, "EventSource": "cloudtrail"}
BRINGS = {"BucketName": "somebodys-bucket"}
EXISTING = {
    "Network": "existing",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
}
NETWORKS: dict[str, dict[str, str]] = {
    "isolated": {"Network": "isolated"},
    "private": {"Network": "private"},
    "public": {"Network": "public"},
    "existing": EXISTING,
}
TASKS = {"fargate": FARGATE, "cloudtrail": CLOUDTRAIL, "hybrid": HYBRID}
CHOICES: dict[str, dict[str, str]] = {
    "lambda": {},
    "fargate-own-image": {"Mode": "fargate"},
    "hybrid-own-image": {"Mode": "hybrid"},
    **{
        f"{name}-{network}": {**engine, **companions}
        for name, engine in {
            "fargate": FARGATE,
            "cloudtrail": CLOUDTRAIL,
            "hybrid": HYBRID,
        }.items()
        for network, companions in NETWORKS.items()
    },
    **{f"{name}-max-tasks": {**engine, "MaxTasks": "5"} for name, engine in TASKS.items()},
    **{f"{name}-spot": {**engine, "Spot": "true"} for name, engine in TASKS.items()},
    "fargate-max-tasks-spot": {**FARGATE, **EXISTING, "MaxTasks": "5", "Spot": "true"},
    **{
        f"{name}-brings-bucket": {**engine, **BRINGS}
        for name, engine in {
            "lambda": {},
            "fargate-own-image": {"Mode": "fargate"},
            **TASKS,
        }.items()
    },
    "hybrid-max-tasks-brings-bucket": {**HYBRID, **BRINGS, "MaxTasks": "5"},
    "hybrid-alarm-email": {**HYBRID, "AlarmEmail": "operator@example.com"},
    "lambda-result-topic": {"ResultTopic": "true", "AfterSuccess": "delete"},
    "cloudtrail-result-topic": {**CLOUDTRAIL, "ResultTopic": "true"},
    "lambda-arm64": {"Architecture": "arm64"},
    "hybrid-arm64-own-image": {"Mode": "hybrid", "Architecture": "arm64"},
}
"""Parameters of every stack that can be made, by name."""

_NOTHING = object()


@functools.cache
def expanded() -> dict[str, Any]:
    """The template after the SAM transform, as plain CloudFormation."""
    template = copy.deepcopy(SOURCE)
    for resource in template["Resources"].values():
        for code in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][code] = "s3://artifacts/code.zip"
    plain: dict[str, Any] = json.loads(json.dumps(transformed(template, "us-east-1")))
    return plain  # without the parser's own classes


def transformed(template: dict[str, Any], region: str) -> dict[str, Any]:
    """By SAM, as if in this region."""
    # Each process that collects the tests imports this module, and few transform a template.
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    with mock.patch.dict("os.environ", {"AWS_DEFAULT_REGION": region}):
        result: dict[str, Any] = Translator({}, Parser()).translate(template, {})
    return result


@dataclass
class Stack:
    """One synthesized template."""

    parameters: dict[str, str]
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    dependencies: dict[str, set[str]] = field(default_factory=dict)

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of the resources of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> dict[str, Any]:
        """Properties of the one resource of a type."""
        (properties,) = self.of_type(kind).values()
        return properties

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Properties of a resource."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties


@functools.cache
def _synthesize(chosen: tuple[tuple[str, str], ...]) -> bytes:
    """The stack as a pickle, from which a copy is made faster than from the stack."""
    template = expanded()
    unknown = dict(chosen).keys() - template["Parameters"].keys()
    assert not unknown, f"no such parameters: {unknown}"
    defaults = {name: str(each["Default"]) for name, each in template["Parameters"].items()}
    stack = Stack({**defaults, **dict(chosen)})
    resolver = Resolver(template, stack.parameters)
    for name, resource in template["Resources"].items():
        if resolver.holds(resource.get("Condition")):
            resolver.dependencies = {*_listed(resource.get("DependsOn", []))}
            assert resolver.dependencies <= resolver.made, f"{name} depends on what is not made"
            stack.resources[name] = resolver.resolve(resource)
            for tool, check, reason in suppressed(name):
                said = stack.resources[name].setdefault("Metadata", {}).setdefault(tool, {})
                said.setdefault("skip", []).append({"id": check, "comment": reason})
            properties = stack.resources[name].get("Properties", {})
            if isinstance(properties.get("EventPattern"), str):  # JSON, to EventBridge
                properties["EventPattern"] = json.loads(properties["EventPattern"])
            stack.dependencies[name] = resolver.dependencies - {name}
    for name, output in template["Outputs"].items():
        if resolver.holds(output.get("Condition")):
            stack.outputs[name] = resolver.resolve(output)
    return pickle.dumps(stack)


def suppressed(name: str) -> Iterator[tuple[str, str, str]]:
    """Of a resource: tool, check and reason of each finding that stays."""
    for tool, checks in SUPPRESSIONS.items():
        for check, reasons in checks.items():
            for each in reasons:
                if name in each["resources"]:
                    yield tool, check, each["reason"]


def synthesize(parameters: Mapping[str, str] | None = None, **more: str) -> Stack:
    """The stack that CloudFormation would make of these parameters and the others' defaults."""
    stack: Stack = pickle.loads(_synthesize(tuple(sorted({**(parameters or {}), **more}.items()))))
    return stack


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Resolver:
    def __init__(self, template: dict[str, Any], parameters: dict[str, str]) -> None:
        self.template = template
        self.values = {**PSEUDO, **parameters}
        self._held: dict[str, bool] = {}
        self.made = {
            name
            for name, resource in template["Resources"].items()
            if self.holds(resource.get("Condition"))
        }
        self.dependencies: set[str] = set()

    def holds(self, condition: str | None) -> bool:
        if condition is None:
            return True
        if condition not in self._held:
            self._held[condition] = bool(self.resolve(self.template["Conditions"][condition]))
        return self._held[condition]

    def resolve(self, node: Any) -> Any:
        """Plain data; AWS::NoValue takes its key or its place in a list away."""
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in ("Ref", "Condition") and isinstance(argument, str):
                return self.reference(argument) if name == "Ref" else self.holds(argument)
            if name.startswith("Fn::"):
                return self.call(name.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NOTHING}

    def call(self, function: str, argument: Any) -> Any:
        match function:
            case "If":
                condition, yes, no = argument
                return self.resolve(yes if self.holds(condition) else no)
            case "GetAtt":
                path = argument if isinstance(argument, str) else ".".join(argument)
                return self.reference(path)
            case "Sub":
                return self.substitute(argument)
            case "GetAZs":
                return ["zone-a", "zone-b", "zone-c"]
        arguments = self.resolve(argument)
        match function:
            case "Equals":
                return arguments[0] == arguments[1]
            case "And":
                return all(arguments)
            case "Or":
                return any(arguments)
            case "Not":
                return not arguments[0]
            case "Join":
                return arguments[0].join(arguments[1])
            case "Split":
                return arguments[1].split(arguments[0])
            case "Select":
                return arguments[1][int(arguments[0])]
            case "FindInMap":
                name, key, value = arguments
                return self.template["Mappings"][name][key][value]
        raise NotImplementedError(function)

    def substitute(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.resolve(value) for name, value in own.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            return str(own[name] if name in own else self.reference(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", value, text)

    def reference(self, path: str) -> Any:
        if path == "AWS::NoValue":
            return _NOTHING
        if path in self.values:
            return self.values[path]
        name = path.partition(".")[0]
        assert name in self.made, f"{path} is referred to and not made with {self.values}"
        self.dependencies.add(name)
        return f"<{path}>"


def refusals(parameters: Mapping[str, str]) -> list[str]:
    """Why CloudFormation would refuse these parameters before it makes anything."""
    values = {name: str(each["Default"]) for name, each in SOURCE["Parameters"].items()}
    values |= parameters
    out_of_bounds = [name for name, value in values.items() if not accepts(name, value)]
    return [*out_of_bounds, *_broken_rules(values)]


def accepts(parameter: str, value: str) -> bool:
    """Whether CloudFormation takes this value for a parameter."""
    limits = SOURCE["Parameters"][parameter]
    if "AllowedValues" in limits and value not in limits["AllowedValues"]:
        return False
    return bool(re.search(limits.get("AllowedPattern", ""), value, re.ASCII))


def _broken_rules(values: Mapping[str, str]) -> Iterator[str]:
    for rule in SOURCE["Rules"].values():
        if "RuleCondition" not in rule or _rule(rule["RuleCondition"], values):
            for assertion in rule["Assertions"]:
                if not _rule(assertion["Assert"], values):
                    yield assertion["AssertDescription"]


def _rule(node: Any, values: Mapping[str, str]) -> Any:
    """A rule's own functions: a subset of those of a template, and Fn::Contains."""
    if not isinstance(node, dict):
        return [_rule(each, values) for each in node] if isinstance(node, list) else node
    ((name, argument),) = node.items()
    if name == "Ref":
        return values[argument]
    arguments = _rule(argument, values)
    match name:
        case "Fn::Equals":
            return arguments[0] == arguments[1]
        case "Fn::Not":
            return not arguments[0]
        case "Fn::Or":
            return any(arguments)
        case "Fn::Contains":
            return arguments[1] in arguments[0]
    raise NotImplementedError(f"{name} in Rules")
