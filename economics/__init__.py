"""What the pipeline costs, and where it is limited: `python -m economics cost|simulate`."""

from pathlib import Path

import tooling  # noqa: F401, it says "interrupted" at a Ctrl-C

HERE = Path(__file__).parent
ROOT = HERE.parent
