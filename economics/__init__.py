"""What the pipeline costs, and where it is limited: `python -m economics cost|simulate`."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
