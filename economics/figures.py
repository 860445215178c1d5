"""Figures that are published or assumed: those of the project are product.py's."""

from __future__ import annotations

import argparse
import tomllib
from typing import Any

from . import HERE


class Wrong(argparse.ArgumentTypeError):
    """What was asked for can't be: which option, and what it must be."""


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / f"{name}.toml").read_text())


PRICES = read("prices")
"""USD, by service; with the source of each."""
ASSUMED: dict[str, float] = {name: each["value"] for name, each in read("assumptions").items()}
PUBLISHED: dict[str, float] = {name: float(each["value"]) for name, each in read("limits").items()}
"""AWS's limits, for an account that has never asked for more."""
EVENT_FIRST_WAIT = 1.0
"""Seconds: EventBridge says "exponential back off and jitter" and no figure."""
EVENT_LONGEST_WAIT = (PUBLISHED["event_age"] - 511) / (PUBLISHED["event_retries"] - 9)
"""With nine doublings from 1 s (511 s together) before it, its retries take as long as they may."""


def limits(**others: float) -> dict[str, float]:
    """The published ones, but for these."""
    assert others.keys() <= PUBLISHED.keys(), others
    return PUBLISHED | others
