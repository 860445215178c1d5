"""Real uploads, overwrites and duplicate events through the embedded AWS: of pictures, in each
scenario, and of files from which a command makes several."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from local.aws import EmbeddedAws
from local.pipeline import INPUT, NothingCame, Pipeline, output_key, rejection_key, until
from local.scenarios import SCENARIOS
from tests.hostile.corpus import POISON
from tests.load.account import Account
from tests.load.entry_points import Bucket
from tests.load.evidence import Evidence
from tests.load.judge import repeats
from tests.load.sizes import REAL_UPLOADS, RUNS, SEVERAL_SCENARIOS
from tests.local.other_jobs import start_again
from tests.local.test_sweep import Sweeper
from tooling import paths

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
"""For a result, on a machine with other things to do."""
THRESHOLD = int(SCENARIOS["hybrid"]["HybridThresholdMiB"]) * 2**20
AT_ONCE = 6
"""Uploads without a result: the embedded AWS starts a process for each, as many as come."""

IN_PIECES = (
    """sh -c 'if grep -q ^bad "$1"; then echo it is bad >&2; exit 65; fi; split -n 3 "$1" "$2/"' """
    "job {input} {output}"
)
SEVERAL = {
    f"{name}-several": SCENARIOS[name] | {"Command": IN_PIECES} for name in SEVERAL_SCENARIOS
}
STACKS = SCENARIOS | SEVERAL
Poison = tuple[Callable[[], bytes], str]


class Work(NamedTuple):
    """What is uploaded."""

    good: Callable[[int], bytes]
    bad: Mapping[str, Poison]
    """How to make each, and why it is rejected."""


def pieces(number: int) -> bytes:
    """What tells in all its parts which upload it is."""
    return b"%d " % number * 100


@pytest.fixture(scope="module")
def pipelines(aws: EmbeddedAws) -> dict[str, Pipeline]:
    stacks = aws.deploy_all({f"load-{name}": chosen for name, chosen in STACKS.items()})
    return {name: Pipeline(aws, f"load-{name}", stacks[f"load-{name}"]) for name in STACKS}


def test_the_account_tells_what_became_of_an_upload_without_a_result(
    pipelines: dict[str, Pipeline], maze: Callable[[int], bytes], tmp_path: Path
) -> None:
    pipeline = pipelines["cloudtrail"]
    refused, unheard = f"{INPUT}told/refused.png", f"{INPUT}told/unheard.png"
    with launches_are_refused(pipeline):
        newest = {refused: pipeline.upload(refused, maze(1))}
        until(lambda: refused in Evidence(pipeline).failed(), "a record of the failure")
    with Sweeper(pipeline).events_are_lost():
        newest[unheard] = pipeline.upload(unheard, maze(1))
    account = Account(pipeline, newest)
    account.needed_the_sweep(newest)
    with pytest.raises(AssertionError) as raised:
        account.close(tmp_path / "evidence.json")
    faults = str(raised.value)
    assert f"{unheard}, version {newest[unheard]}: left by its events: nothing says why" in faults
    assert f"{refused}, version" not in faults
    kept = json.loads((tmp_path / "evidence.json").read_text())
    (said,) = kept["uploads"][refused]["said"]
    assert said.startswith("left by its events: launch failed: ")
    assert "ecs:RunTask" in said
    recorded = f'CloudTrail: PutObject ["{pipeline.bucket}", "{refused}"]'
    assert recorded in kept["uploads"][refused]["then"]["emulator"]


@contextlib.contextmanager
def launches_are_refused(pipeline: Pipeline) -> Iterator[None]:
    """The rule may start no task, for a while."""
    iam = pipeline.aws.client("iam")
    role = pipeline.aws.resource(pipeline.stack, "UploadRuleRole")
    deny = {"Effect": "Deny", "Action": "ecs:RunTask", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")


@pytest.mark.parametrize("scenario", STACKS)
@pytest.mark.parametrize("run", range(RUNS))
def test_every_upload_ends_in_exactly_one_result(
    scenario: str,
    run: int,
    aws: EmbeddedAws,
    pipelines: dict[str, Pipeline],
    maze: Callable[[int], bytes],
    figure: Callable[[str], None],
) -> None:
    seed, pipeline, started = SEED + run, pipelines[scenario], time.monotonic()
    bucket, chance = Bucket(pipeline.s3, pipeline.bucket), random.Random(seed)
    if scenario in SEVERAL:
        work = Work(pieces, {"bad": (lambda: b"bad", "it is bad")})
    else:
        work = Work(maze, {name: POISON[name] for name in POISONS})
    newest: dict[str, str] = {}
    good: dict[str, int] = {}
    bad: dict[str, str] = {}
    counts: Counter[str] = Counter()
    waiting: deque[str] = deque()
    late: list[str] = []

    def wait_for(key: str) -> None:
        try:
            pipeline.result(key, newest[key], SECONDS)
        except NothingCame:
            late.append(key)

    def content(number: int) -> bytes:
        # What comes after a picture's end is not looked at: every other one is large to hybrid.
        return work.good(number) + bytes(THRESHOLD if "hybrid" in scenario and number % 2 else 0)

    def read(key: str) -> None:
        """As whoever follows a manifest at any time."""
        if scenario in SEVERAL and (body := bucket.read(key)):
            assert body == content(int(body.split()[0])), f"{key} is not of one upload"
            counts["reads"] += 1

    for number in range(REAL_UPLOADS):
        overwritten = waiting and chance.random() < OVERWRITTEN
        key = chance.choice(waiting) if overwritten else f"{INPUT}{run}/{number}.png"
        if chance.random() < BAD:
            bad[key] = chance.choice(list(work.bad))
            newest[key] = pipeline.upload(key, work.bad[bad[key]][0]())
        else:
            bad.pop(key, None)
            good[key] = number
            newest[key] = pipeline.upload(key, content(number))
        counts["overwrites" if overwritten else "first uploads"] += 1
        if not overwritten:
            waiting.append(key)
        if number % DUPLICATED == 0:
            start_again(pipeline, key)
            counts["duplicate events"] += 1
        read(chance.choice(waiting))
        while len(waiting) >= AT_ONCE:
            wait_for(waiting.popleft())
    for key in waiting:
        wait_for(key)

    account = Account(pipeline, newest)
    left = [key for key in late if newest[key] not in bucket.results(key).values()]
    account.needed_the_sweep(left)
    if left:
        sweep = Sweeper(pipeline)
        with sweep.without_grace():
            sweep(prefix=f"{INPUT}{run}/")
        late.clear()
        for key in left:
            wait_for(key)
        account.lost(late)

    for key, version in newest.items():
        result = rejection_key(key) if key in bad else output_key(key)
        with contextlib.suppress(NothingCame):
            until(lambda k=key: len(bucket.results(k)) == 1, f"one result for {key}")
        account.ends(key, bucket.results(key), {result: version})
        histories = bucket.histories(key)
        account.repeats(key, repeats(*histories))
        counts["results"] += sum(version is not None for each in histories for version in each)
    account.failed_beside(left)
    account.close(paths.BUILD / "load" / f"{scenario}-{seed}.json")
    for key, poison in bad.items():
        (result,) = pipeline.results(key)
        assert re.search(work.bad[poison][1], result.rejection["reason"])
    if scenario in SEVERAL:
        for key in newest.keys() - bad.keys():
            assert bucket.read(key) == content(good[key])
    figure(
        f"real uploads, {scenario}, seed {seed}: {REAL_UPLOADS} uploads and overwrites "
        f"({', '.join(f'{count} {what}' for what, count in sorted(counts.items()))}) "
        f"in {time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}: 0 lost "
        f"({len(newest) - len(left)} by their events, {len(left)} by the sweep), 0 outdated, "
        f"0 written twice, {account.written_again} written again after removal"
    )
