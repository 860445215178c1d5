"""The template as it is written, and what its conditions leave of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

from . import paths

Node = Any


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """libyaml's, which takes a seventh of the time of PyYAML's own."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read(file: Path) -> dict[str, Node]:
    """With Ref and Fn:: as dictionaries of one key."""
    template: dict[str, Node] = yaml.load(file.read_text(), _Loader)
    return template


@functools.cache
def source() -> dict[str, Node]:
    """The project's own; not to be changed."""
    return read(paths.TEMPLATE)


def default(parameter: str) -> str:
    return str(source()["Parameters"][parameter]["Default"])


class Chosen:
    """The template with these values of its parameters, and the defaults of the others."""

    def __init__(self, **parameters: str) -> None:
        defaults = {name: default(name) for name in source()["Parameters"]}
        self.values = {**defaults, **parameters}

    def resources(self) -> dict[str, Node]:
        """Those that are made, each without what the conditions leave out."""
        return {
            name: self.prune(resource)
            for name, resource in source()["Resources"].items()
            if self.holds(resource.get("Condition"))
        }

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.value(source()["Conditions"][condition]))

    def value(self, node: Node) -> Node:
        """Of an expression in a condition."""
        if not isinstance(node, dict):
            return node
        ((function, argument),) = node.items()
        match function:
            case "Ref":
                return self.values.get(argument, argument)
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                return self.value(argument[0]) == self.value(argument[1])
            case "Fn::Not":
                return not self.value(argument[0])
            case "Fn::And":
                return all(map(self.value, argument))
            case "Fn::Or":
                return any(map(self.value, argument))
        raise ValueError(f"a condition has {function}, which is not known here")

    def prune(self, node: Node) -> Node:
        """Without what the conditions leave out."""
        if isinstance(node, list):
            kept = [self.prune(each) for each in node]
            return [each for each in kept if each is not None]
        if not isinstance(node, dict):
            return node
        if [*node] == ["Fn::If"]:
            condition, yes, no = node["Fn::If"]
            return self.prune(yes if self.holds(condition) else no)
        if node == {"Ref": "AWS::NoValue"}:
            return None
        kept_of = {key: self.prune(value) for key, value in node.items()}
        return {key: value for key, value in kept_of.items() if value is not None}


def of_type(resources: Mapping[str, Node], kind: str) -> list[str]:
    """The names of the resources of a type."""
    return [name for name, resource in resources.items() if resource["Type"] == kind]
