"""EventBridge's side of the template, from its documentation: event patterns and transformers."""

from __future__ import annotations

import json
import operator as op
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
Elements = dict[int, int]
"""Index by array."""
Field = tuple[str, Any, Elements]


def matches(pattern: Json, event: Json) -> bool:
    """Whether an event pattern matches: as Event Ruler does it, which is what EventBridge runs.

    Fields are looked for in the order of their names, and what is found must not lie in different
    elements of one array. A field that must not exist is one that no element has which can still
    be meant. https://github.com/aws/event-ruler#json-array-matching
    """
    fields = [*_fields(event)]
    return any(_found(sorted(rule.items()), fields, {}) for rule in _rules(pattern))


def _rules(pattern: Json, path: str = "") -> list[dict[str, list[Any]]]:
    """The pattern without nesting and without $or: one rule for each way to match."""
    rules: list[dict[str, list[Any]]] = [{}]
    for name, wanted in pattern.items():
        if name == "$or":
            ways = [rule for each in wanted for rule in _rules(each, path)]
        elif isinstance(wanted, dict):
            ways = _rules(wanted, f"{path}{name}.")
        else:
            ways = [{path + name: wanted}]
        rules = [{**rule, **way} for rule in rules for way in ways]
    return rules


def _fields(node: Any, path: str = "", elements: Elements | None = None) -> Iterator[Field]:
    """Every value of the event: its name, the value, and in which elements of arrays it lies."""
    elements = elements or {}
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _fields(value, f"{path}.{name}" if path else name, elements)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _fields(value, path, {**elements, id(node): index})
    else:
        yield path, node, elements


def _found(wanted: list[tuple[str, list[Any]]], fields: list[Field], chosen: Elements) -> bool:
    if not wanted:
        return True
    (name, conditions), *others = wanted
    candidates = [
        (value, {**chosen, **elements})
        for found, value, elements in fields
        if found == name and all(chosen.get(array, at) == at for array, at in elements.items())
    ]
    if {"exists": False} in conditions and not candidates and _found(others, fields, chosen):
        return True
    return any(
        _holds(condition, value) and _found(others, fields, elements)
        for value, elements in candidates
        for condition in conditions
    )


def _holds(condition: Any, value: Any) -> bool:
    """Whether a condition holds for a value that is there."""
    if not isinstance(condition, dict):
        return bool(condition == value)
    ((operator, operand),) = condition.items()
    match operator:
        case "exists":
            return operand is True
        case "prefix":
            return isinstance(value, str) and value.startswith(operand)
        case "wildcard":
            assert "\\" not in operand, "escapes are not known here"
            expression = ".*".join(map(re.escape, operand.split("*")))
            return isinstance(value, str) and bool(re.fullmatch(expression, value, re.DOTALL))
        case "anything-but":
            return value not in operand
        case "numeric":
            return isinstance(value, int | float) and _compares(operand, value)
    raise NotImplementedError(operator)


_MOST = 5_000_000_000
"""The largest number that Event Ruler compares; a larger one is no number to it.
https://github.com/aws/event-ruler/blob/main/src/main/software/amazon/event/ruler/ComparableNumber.java"""


def _compares(operand: list[Any], value: float) -> bool:
    """Whether `[">", 1, "<=", 5]`, of one or two comparisons, holds."""
    compare = {"<": op.lt, "<=": op.le, "=": op.eq, ">=": op.ge, ">": op.gt}
    comparisons = zip(operand[::2], operand[1::2], strict=True)
    return abs(value) <= _MOST and all(compare[how](value, limit) for how, limit in comparisons)


def transform(transformer: dict[str, Any], event: Any) -> str:
    """What EventBridge sends to the target: each unquoted <name> becomes the value as JSON."""
    found = {name: _at(path, event) for name, path in transformer["InputPathsMap"].items()}
    template: str = transformer["InputTemplate"]
    return re.sub("<([^>]+)>", lambda name: _as_json(found[name[1]]), template)


def _as_json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _at(path: str, event: Any) -> Any:
    for name in _names(path):
        event = event.get(name) if isinstance(event, dict) else None
    return event


def _names(path: str) -> Iterator[str]:
    root, *names = path.split(".")
    assert root == "$", path
    yield from names
