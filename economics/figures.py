"""Figures that are published or assumed: those of the project are product.py's."""

from __future__ import annotations

import argparse
import tomllib
from typing import Any

from tooling import paths


class Wrong(argparse.ArgumentTypeError):
    """What was asked for can't be: which option, and what it must be."""


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((paths.ROOT / "economics" / f"{name}.toml").read_text())


PRICES = read("prices")
"""USD, by service; with the source of each."""
ASSUMED: dict[str, float] = {name: each["value"] for name, each in read("assumptions").items()}
LIMITS = read("limits")
PUBLISHED: dict[str, float] = {name: float(each["value"]) for name, each in LIMITS.items()}
"""AWS's limits, for an account that has never asked for more."""


def limits(**others: float) -> dict[str, float]:
    """The published ones, but for these."""
    assert others.keys() <= PUBLISHED.keys(), others
    return PUBLISHED | others
