"""Simulations of jobs with several outputs: complete or not there, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.load.several import ACCIDENTS, World
from tests.load.sizes import SEEDS, SEVERAL_UPLOADS

pytestmark = pytest.mark.usefixtures("folders_in_memory")


@pytest.mark.parametrize("versioned", [True, False], ids=["versions", "no versions"])
@pytest.mark.parametrize("seed", SEEDS)
def test_several_outputs_are_complete_or_not_there_and_orphans_go(
    seed: int, versioned: bool, figure: Callable[[str], None]
) -> None:
    started = time.monotonic()
    world = World(seed, SEVERAL_UPLOADS, versioned=versioned)
    world.run()
    for accident in (*ACCIDENTS, "orphans removed", "jobs failed"):
        assert world.counts[accident], f"a simulation without {accident} shows nothing of it"
    assert world.problems == []
    assert world.unsettled() == []
    assert world.orphans() == []
    kept = "versions" if versioned else "no versions"
    counts = ", ".join(f"{count} {what}" for what, count in sorted(world.counts.items()))
    figure(
        f"several outputs, {kept}, seed {seed}: {SEVERAL_UPLOADS} uploads ({counts}) in "
        f"{time.monotonic() - started:.1f} s: 0 incomplete, 0 mixed, 0 lost, 0 orphans"
    )
