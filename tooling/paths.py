"""Where things are: the one place that knows."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
SAMPLE = ROOT / "docs" / "sample.png"
BUILD = ROOT / "build"

# Made by `make setup`. Three, because sam and ministack pin versions of botocore that exclude
# each other.
PYTHON_DEV = BUILD / "env" / "dev" / "bin" / "python"
PYTHON_MINISTACK = BUILD / "env" / "ministack" / "bin" / "python"
PYTHON_PLOT = BUILD / "env" / "bench" / "bin" / "python"
"""Has matplotlib."""
SAM = BUILD / "env" / "sam" / "bin" / "sam"
