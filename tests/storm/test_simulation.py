"""Storms on a bucket in memory, in which every interleaving of calls can happen."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable

import pytest
from processing.answer import Answer
from processing.errors import Rejected
from processing.job import SOURCE_VERSION

from tests.storm.simulation import Storm, Weather, answer
from tests.storm.sizes import SIMULATED_UPLOADS

SEEDS = range(10)
WEATHER = Weather(uploads=SIMULATED_UPLOADS)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_written_twice_or_outdated(
    seed: int, figure: Callable[[str], None]
) -> None:
    started = time.monotonic()
    storm = Storm(seed, WEATHER)
    storm.run()
    for accident in ("killed", "lost reply", "duplicate events", "conflicts", "overwrites"):
        assert storm.counts[accident], f"a storm without {accident} shows nothing of it"
    before_sweep = storm.outcome()
    assert set(before_sweep.lost + before_sweep.outdated) <= storm.unattended
    storm.sweep()
    outcome = storm.outcome()
    assert outcome.flawless, outcome
    left = len(set(before_sweep.lost + before_sweep.outdated))
    assert (storm.swept["started"], storm.swept["current"]) == (left, len(storm.uploads()) - left)
    seconds = time.monotonic() - started
    counts = ", ".join(f"{count} {what}" for what, count in sorted(storm.counts.items()))
    figure(
        f"simulated storm, seed {seed}: {WEATHER.uploads} uploads, overwrites and deletions "
        f"({counts}; {left} left to the sweep) in {seconds:.1f} s: 0 lost, "
        f"0 outdated, 0 written twice, {len(outcome.written_again)} written again after removal"
    )


def test_a_seed_gives_the_same_storm_every_time() -> None:
    small = dataclasses.replace(WEATHER, uploads=300)
    first, again, other = Storm(1, small), Storm(1, small), Storm(2, small)
    for storm in (first, again, other):
        storm.run()
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_bytes_again_and_again_end_in_the_newest_verdict(seed: int) -> None:
    """ETags that are equal, though the versions are not, must not hide a newer upload."""
    weather = dataclasses.replace(WEATHER, uploads=SIMULATED_UPLOADS // 5, same_bytes=0.5)
    storm = Storm(seed, weather)
    storm.run()
    storm.sweep()
    outcome = storm.outcome()
    assert (outcome.lost, outcome.outdated) == ([], [])


@pytest.mark.parametrize("seed", SEEDS)
def test_one_verdict_is_left_when_two_jobs_come_to_different_ends(seed: int) -> None:
    """A processor that runs out of memory, or is replaced by another, now and then."""
    chance = random.Random(seed)

    def moody(body: bytes, content_type: str) -> Answer:
        if chance.random() < 0.3:
            raise Rejected(f"in a mood, no answer to {body.decode()}")
        return answer(body, content_type)

    calm = Weather(SIMULATED_UPLOADS // 5, duplicates=0.5, killed=0, lost_replies=0, deleted=0)
    storm = Storm(seed, calm, moody)
    storm.run()
    for key, (upload, _) in storm.uploads().items():
        left = [verdict.metadata[SOURCE_VERSION] for verdict, _ in storm.verdicts(key)]
        assert left == [upload.version], key
