"""Real uploads, overwrites and duplicate events through the embedded AWS, in each scenario."""

from __future__ import annotations

import random
import re
import time
from collections import Counter, deque
from collections.abc import Callable

import pytest

from local.aws import EmbeddedAws
from local.pipeline import INPUT, Pipeline, answer_key, rejection_key, until
from local.scenarios import SCENARIOS
from tests.hostile.corpus import POISON
from tests.local.test_pipeline import start_again
from tests.storm.doors import Bucket
from tests.storm.sizes import REAL_UPLOADS

SEED = 7
OVERWRITTEN, BAD = 0.2, 0.2
DUPLICATED = 20
"""The event of one in so many uploads comes twice."""
POISONS = [
    "nothing",
    "half of a PNG",
    "16 bytes of a TIFF",
    "PNG of 2^31 pixels square",
    "PNG with a bomb for text",
    "TIFF that is its own next page",
    "GIF 0 x 0",
    "SVG with a script",
    "a maze with a wall across",
]
SECONDS = 120
"""For a verdict, on a machine with other things to do."""
THRESHOLD = int(SCENARIOS["hybrid"]["HybridThresholdMiB"]) * 2**20
AT_ONCE = 6
"""Uploads without a verdict: the embedded AWS starts a process for each, as many as come."""


@pytest.fixture(scope="module")
def pipelines(aws: EmbeddedAws) -> dict[str, Pipeline]:
    stacks = aws.deploy_all({f"storm-{name}": chosen for name, chosen in SCENARIOS.items()})
    return {name: Pipeline(aws, f"storm-{name}", stacks[f"storm-{name}"]) for name in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_upload_ends_in_exactly_one_verdict(
    scenario: str,
    aws: EmbeddedAws,
    pipelines: dict[str, Pipeline],
    maze: Callable[[int], bytes],
    figure: Callable[[str], None],
) -> None:
    pipeline, chance, started = pipelines[scenario], random.Random(SEED), time.monotonic()
    newest: dict[str, str] = {}
    bad: dict[str, str] = {}
    counts: Counter[str] = Counter()
    waiting: deque[str] = deque()

    for number in range(REAL_UPLOADS):
        overwritten = waiting and chance.random() < OVERWRITTEN
        key = chance.choice(waiting) if overwritten else f"{INPUT}{number}.png"
        if chance.random() < BAD:
            bad[key] = chance.choice(POISONS)
            newest[key] = pipeline.upload(key, POISON[bad[key]][0]())
        else:
            bad.pop(key, None)
            # What comes after a picture's end is not looked at: every other one is large to hybrid.
            size = THRESHOLD if scenario == "hybrid" and number % 2 else 0
            newest[key] = pipeline.upload(key, maze(number) + bytes(size))
        counts["overwrites" if overwritten else "first uploads"] += 1
        if not overwritten:
            waiting.append(key)
        if number % DUPLICATED == 0:
            start_again(pipeline, key)
            counts["duplicate events"] += 1
        while len(waiting) >= AT_ONCE:
            first = waiting.popleft()
            pipeline.verdict(first, newest[first], SECONDS)
    for key in waiting:
        pipeline.verdict(key, newest[key], SECONDS)

    bucket = Bucket(pipeline.s3, pipeline.bucket)
    for key, version in newest.items():
        verdict = rejection_key(key) if key in bad else answer_key(key)
        until(lambda k=key: len(bucket.verdicts(k)) == 1, f"one verdict on {key}")
        assert bucket.verdicts(key) == {verdict: version}
        ever = Counter(bucket.verdicts_ever(key))
        assert max(ever.values()) == 1, (key, ever)
        counts["verdicts"] += ever.total()
    for key, poison in bad.items():
        (verdict,) = pipeline.verdicts(key)
        assert re.search(POISON[poison][1], verdict.rejection["reason"])
    assert not (failures := pipeline.failures()), failures[0]
    figure(
        f"real storm, {scenario}, seed {SEED}: {REAL_UPLOADS} uploads and overwrites "
        f"({', '.join(f'{count} {what}' for what, count in sorted(counts.items()))}) "
        f"in {time.monotonic() - started:.0f} s: 0 lost, 0 outdated, 0 written twice"
    )
