"""EventBridge's side of the template, from its documentation: event patterns and transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether an event pattern matches. All fields must; of a field's values, one."""
    return all(
        any(matches(each, event) for each in wanted)
        if field == "$or"
        else _field_matches(wanted, event, field)
        for field, wanted in pattern.items()
    )


def _field_matches(wanted: Any, event: Any, field: str) -> bool:
    value = event.get(field) if isinstance(event, dict) else None
    if isinstance(wanted, dict):
        # Of an array of objects, one must match in all fields; what is not there is empty.
        candidates = value if isinstance(value, list) else [value]
        return any(matches(wanted, each if isinstance(each, dict) else {}) for each in candidates)
    values = [] if value is None else value if isinstance(value, list) else [value]
    return any(_one_matches(each, values) for each in wanted)


def _one_matches(wanted: Any, values: list[Any]) -> bool:
    if not isinstance(wanted, dict):
        return wanted in values
    ((operator, operand),) = wanted.items()
    match operator:
        case "exists":
            return bool(values) is operand
        case "prefix":
            return any(isinstance(value, str) and value.startswith(operand) for value in values)
        case "anything-but":
            return any(value not in operand for value in values)
    raise NotImplementedError(operator)


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
