"""Pictures to measure and test the job with, and the benchmark: `python -m bench`."""

import sys
from pathlib import Path

import tooling  # noqa: F401, it says "interrupted" at a Ctrl-C

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "worker"))  # the package that is measured
