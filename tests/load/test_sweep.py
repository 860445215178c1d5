"""A sweep of a large bucket, whose listing is simulated: what it asks of S3, and its memory."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable

from processing.pages import AHEAD

from tests.load.sizes import SWEPT_UPLOADS
from tooling import paths

PAGE = 1000
MOST_MIB = 8
"""By which a sweep may grow, whatever the number of uploads."""

RUN = """
import json, sys
sys.path[:0] = ["worker", "functions/sweep"]
from bench.sweep import sweep
print(json.dumps(sweep(int(sys.argv[1]))._asdict()))
"""


def swept(uploads: int) -> dict:
    """In a process of its own, for its memory."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(uploads)],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_sweep_takes_a_list_for_each_thousand_keys_and_no_more_memory_for_more_of_them(
    figure: Callable[[str], None],
) -> None:
    few, many = swept(SWEPT_UPLOADS // 10), swept(SWEPT_UPLOADS)
    due = SWEPT_UPLOADS // 100
    assert many["outcomes"] == {"current": SWEPT_UPLOADS - due, "due": due}
    rejected = SWEPT_UPLOADS // 50
    pages = 2 * math.ceil(SWEPT_UPLOADS / PAGE) + math.ceil(rejected / PAGE)
    # Pages that are asked for ahead overlap a little, and some lie after the last key.
    assert many["calls"]["ListObjectsV2"] <= 1.1 * pages + 3 * (AHEAD + 1)
    # Nothing but what has no result is looked at: the upload, and whether it was started before.
    assert many["calls"]["HeadObject"] == 2 * due
    assert many["grown_mib"] <= few["grown_mib"] + MOST_MIB
    figure(
        f"sweep of {SWEPT_UPLOADS:,} simulated uploads: "
        f"{SWEPT_UPLOADS / many['seconds']:,.0f} a second, peak memory {many['peak_mib']:.0f} MiB, "
        f"{many['calls']['ListObjectsV2']:,} LISTs"
    )
