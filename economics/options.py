"""The options of both commands: fields of stacks and scenarios, and limits, with their defaults."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from .figures import PUBLISHED, Wrong
from .scenario import ARRIVALS, Scenario
from .stack import CHOICES, Stack
from .work import SIZES

_STACK = {field.name: field.default for field in fields(Stack)}
SCENARIO = ("uploads", "arrivals", "rate", "retries_no_room", "days", "seed")
"""Fields of a scenario that are options by themselves."""
_SCENARIO = {field.name: field.default for field in fields(Scenario) if field.name in SCENARIO}
_SHARED = {"write": False, "sizes": SIZES, "seconds_per_mib": float}
_ONLY_COST = {"network", "event_source", "result_topic", "spot"}
OPTIONS: dict[str, dict[str, Any]] = {
    "cost": {"uploads": float} | _STACK | _SHARED,
    "simulate": _SCENARIO
    | {name: value for name, value in _STACK.items() if name not in _ONLY_COST}
    | {name: PUBLISHED[name] for name in ("vcpus", "launches", "concurrency")}
    | {"uploads": int, "untried": False}
    | _SHARED,
}
"""Of each command: the default, or the type of what may be missing."""
_HELP = {
    "write": "write the page of docs/ and its plots",
    "uploads": "without it, those of the page of docs/ are shown",
    "sizes": f"MiB:percent, with commas; {SIZES}",
    "seconds_per_mib": "of another job than the measured one",
    "threshold": "HybridThresholdMiB",
    "max_mib": "MaxBytes, in MiB",
    "max_tasks": "MaxTasks; 0: the account's limit",
    "function_timeout": "in seconds",
    "task_timeout": "in seconds",
    "rate": "uploads a second, when steady",
    "vcpus": "the account's, of Fargate",
    "launches": "a second; RunTask's rate, too",
    "concurrency": "the account's, of Lambda",
    "retries_no_room": "EventBridge tries failures[] again",
    "untried": "EventBridge does not try again what is throttled",
    "days": "after how many to end",
}


def parser(about: str | None) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """That of the program, and those of its commands."""
    whole = argparse.ArgumentParser("python -m economics", description=about)
    commands = whole.add_subparsers(dest="command", required=True)
    kinds = {}
    for command, options in OPTIONS.items():
        usage = f'make {command} ARGS="[options]"'
        kinds[command] = commands.add_parser(command, prog=f"make {command}", usage=usage)
        for name, default in options.items():
            how: dict[str, Any] = {"type": type(default), "default": default}
            if isinstance(default, type):
                how = {"type": default}
            if isinstance(default, bool):
                how = {"action": "store_true"}
            elif choices := {**CHOICES, "arrivals": ARRIVALS}.get(name):
                how["choices"] = choices
            kinds[command].add_argument(f"--{name.replace('_', '-')}", help=_HELP.get(name), **how)
    return whole, kinds


def check(wish: argparse.Namespace) -> None:
    """Raises Wrong for options without effect."""
    for name, default in OPTIONS[wish.command].items():
        given = getattr(wish, name) != (None if isinstance(default, type) else default)
        if given and name != "write" and (wish.write or wish.uploads is None):
            why = "does not go with --write" if wish.write else "needs --uploads"
            raise Wrong(f"--{name.replace('_', '-')} {why}")


def stack(wish: argparse.Namespace) -> Stack:
    """Raises Wrong."""
    chosen = {name: getattr(wish, name) for name in _STACK if hasattr(wish, name)}
    if wish.mode == "recipe":
        chosen |= {"network": "private", "event_source": "cloudtrail"}
    return Stack(**chosen)
