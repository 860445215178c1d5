"""The options of both commands: the template's parameters, of a scenario, and AWS's limits."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from .figures import read
from .product import PARAMETERS
from .scenario import ARRIVALS
from .stack import Stack
from .work import sizes

Option = dict[str, Any]


def amount(text: str) -> float:
    """A number, 0 or more."""
    value = float(text)
    if not 0 <= value < math.inf:  # nor is it "nan", which compares with nothing
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def positive(text: str) -> float:
    if not amount(text):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return float(text)


def count(text: str) -> int:
    return int(positive(text))


def _as_parameter(field: Field[Any]) -> Option:
    """Of a field of a stack: the template says it."""
    said = PARAMETERS[field.metadata["parameter"]]
    kind: Callable[[str], Any] = type(field.default)
    how: Option = {"help": said["Description"].replace("%", "%%")}
    if isinstance(field.default, bool):
        return how | {"action": "store_true"}
    if choices := said.get("AllowedValues"):
        return how | {"type": kind, "choices": [kind(each) for each in choices]}

    def matching(text: str) -> Any:  # noqa: ANN401, what the field is
        if not re.search(said["AllowedPattern"], text):
            raise argparse.ArgumentTypeError(said["ConstraintDescription"])
        return kind(text)

    return how | {"type": matching}


_STACK: dict[str, Option] = {field.name: _as_parameter(field) for field in fields(Stack)}
_ONLY_PRICED = {"network", "event_source", "result_topic", "spot"}
_LIMITS = ("vcpus", "run_task", "launches", "concurrency")
_SHARED: dict[str, Option] = {
    "write": {"action": "store_true", "help": "write the page of docs/ and its plot"},
    "sizes": {"type": sizes, "help": "MiB:percent, with commas, such as 1:90,200:10"},
    "seconds_per_mib": {"type": amount, "help": "of another job than the measured one"},
}
OPTIONS: dict[str, dict[str, Option]] = {
    "cost": {
        "uploads": {"type": amount, "help": "a month; without it, those of docs/COST.md are shown"},
        **_STACK,
        **_SHARED,
    },
    "simulate": {
        "uploads": {
            "type": count,
            "help": "without it, the scenarios of docs/ARCHITECTURE.md are run",
        },
        "arrivals": {"choices": ARRIVALS},
        "rate": {"type": positive, "help": "uploads a second, when steady"},
        "days": {"type": positive, "help": "after how many to end"},
        **{name: how for name, how in _STACK.items() if name not in _ONLY_PRICED},
        **{name: {"type": amount, "help": read("limits")[name]["unit"]} for name in _LIMITS},
        **_SHARED,
    },
}


def parser(about: str | None) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """That of the program, and those of its commands. What is not given has no value."""
    whole = argparse.ArgumentParser("python -m economics", description=about)
    commands = whole.add_subparsers(dest="command", required=True)
    kinds, absent = {}, argparse.SUPPRESS
    for command, options in OPTIONS.items():
        prog, usage = f"make {command}", f'make {command} ARGS="[options]"'
        kinds[command] = commands.add_parser(
            command, prog=prog, usage=usage, argument_default=absent
        )
        for name, how in options.items():
            kinds[command].add_argument(f"--{name.replace('_', '-')}", **how)
    return whole, kinds
