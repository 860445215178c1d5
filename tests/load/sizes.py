"""How large the load is: small for every change, large with `LOAD=long` (`make load`)."""

from __future__ import annotations

import os

LONG = os.environ.get("LOAD") == "long"


def _chosen(name: str, otherwise: int) -> int:
    return int(os.environ.get(f"LOAD_{name}") or otherwise)


SEEDS = range(10 if LONG else 5)
"""Of the simulations."""
SIMULATED_UPLOADS = 10_000 if LONG else 1_000
"""In each of them."""
SEVERAL_UPLOADS = 5_000 if LONG else 500
"""In each of those of jobs with several outputs."""
UPLOADS = _chosen("UPLOADS", 20_000 if LONG else 12)
"""Through the embedded AWS with Mode=lambda and one output."""
TASK_UPLOADS = _chosen("TASK_UPLOADS", 2_000 if LONG else 12)
"""In each other scenario."""
EVERY = 50 if LONG else 6
"""The event of one upload in so many comes twice; and as often a worker is killed."""
LOADS = (os.environ.get("LOAD_SCENARIOS") or "").split()
"""The only scenarios, where that is asked for."""
SEED = _chosen("SEED", 7)
BUSY = _chosen("BUSY", 0)
"""Processes beside the tests that only take time from them."""
SWEPT_UPLOADS = 1_000_000 if LONG else 100_000
"""In a bucket that is listed by a simulation."""
LAUNCHED_UPLOADS = 5_000 if LONG else 500
"""By an engine that fails."""
SOAKED_SWEEPS = _chosen("SWEEPS", 100)
"""While the stack changes between them."""
