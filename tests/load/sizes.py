"""How large the load is: small for every change, large with `LOAD=long` (`make load-test`)."""

from __future__ import annotations

import os

LONG = os.environ.get("LOAD") == "long"

SIMULATED_UPLOADS = 10_000 if LONG else 1_000
"""In each of ten simulations."""
SEVERAL_UPLOADS = 5_000 if LONG else 500
"""In each of ten simulations of jobs with several outputs."""
REAL_UPLOADS = int(os.environ.get("LOAD_UPLOADS") or (500 if LONG else 24))
"""Through the embedded AWS, in each mode."""
SEVERAL_SCENARIOS = ["lambda", "fargate", "cloudtrail", "hybrid"] if LONG else ["hybrid"]
"""Those for jobs with several outputs, too; hybrid runs both engines."""
RUNS = int(os.environ.get("LOAD_RUNS") or 1)
"""Of the real uploads, each with another seed, in one embedded AWS."""
BUSY = int(os.environ.get("LOAD_BUSY") or 0)
"""Processes beside the tests that only take time from them."""
SWEPT_UPLOADS = 1_000_000 if LONG else 100_000
"""In a bucket that is listed by a simulation."""
LAUNCHED_UPLOADS = 5_000 if LONG else 500
"""By an engine that fails."""
