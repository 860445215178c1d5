"""Simulations of a bucket in memory, in which every interleaving of calls can happen."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable

import pytest
from processing.errors import Rejected
from processing.metadata import SOURCE_VERSION
from processing.output import Output

from tests.load.simulation import Conditions, Simulation, output
from tests.load.sizes import SEEDS, SIMULATED_UPLOADS

pytestmark = pytest.mark.usefixtures("folders_in_memory")
CONDITIONS = Conditions(uploads=SIMULATED_UPLOADS)


@pytest.mark.parametrize("versioned", [True, False], ids=["versions", "no versions"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_written_twice_or_outdated(
    seed: int, versioned: bool, figure: Callable[[str], None]
) -> None:
    started = time.monotonic()
    simulation = Simulation(seed, CONDITIONS, versioned=versioned)
    simulation.run()
    for accident in ("killed", "lost reply", "duplicate events", "conflicts", "overwrites"):
        assert simulation.counts[accident], f"a simulation without {accident} shows nothing of it"
    before_sweep = simulation.outcome()
    assert set(before_sweep.lost + before_sweep.outdated) <= simulation.unattended
    simulation.sweep()
    outcome = simulation.outcome()
    assert outcome.flawless, outcome
    left = len(set(before_sweep.lost + before_sweep.outdated))
    assert (simulation.swept["started"], simulation.swept["current"]) == (
        left,
        len(simulation.uploads()) - left,
    )
    seconds = time.monotonic() - started
    kept = "versions" if versioned else "no versions"
    counts = ", ".join(f"{count} {what}" for what, count in sorted(simulation.counts.items()))
    figure(
        f"simulation, {kept}, seed {seed}: {CONDITIONS.uploads} uploads, overwrites and deletions "
        f"({counts}; {left} left to the sweep) in {seconds:.1f} s: 0 lost, "
        f"0 outdated, 0 written twice, {len(outcome.written_again)} written again after removal"
    )


def test_a_seed_gives_the_same_simulation_every_time() -> None:
    small = dataclasses.replace(CONDITIONS, uploads=300)
    first, again, other = Simulation(1, small), Simulation(1, small), Simulation(2, small)
    for simulation in (first, again, other):
        simulation.run()
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("versioned", [True, False], ids=["versions", "no versions"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_bytes_again_and_again_end_in_the_newest_result(
    seed: int, versioned: bool
) -> None:
    """ETags that are equal, though the versions are not, must not hide a newer upload."""
    conditions = dataclasses.replace(CONDITIONS, uploads=SIMULATED_UPLOADS // 5, same_bytes=0.5)
    simulation = Simulation(seed, conditions, versioned=versioned)
    simulation.run()
    simulation.sweep()
    outcome = simulation.outcome()
    assert (outcome.lost, outcome.outdated) == ([], [])


@pytest.mark.parametrize("seed", SEEDS)
def test_one_result_is_left_when_two_jobs_come_to_different_ends(seed: int) -> None:
    """A processor that runs out of memory, or is replaced by another, now and then."""
    chance = random.Random(seed)

    def undecided(body: bytes, content_type: str) -> Output:
        if chance.random() < 0.3:
            raise Rejected(f"undecided, no output for {body.decode()}")
        return output(body, content_type)

    undisturbed = Conditions(
        SIMULATED_UPLOADS // 5, duplicates=0.5, killed=0, lost_replies=0, deleted=0
    )
    simulation = Simulation(seed, undisturbed, undecided)
    simulation.run()
    for key, (upload, _) in simulation.uploads().items():
        left = [result.metadata[SOURCE_VERSION] for result, _ in simulation.results(key)]
        assert left == [upload.version], key
