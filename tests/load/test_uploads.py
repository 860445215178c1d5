"""Real uploads, overwrites and duplicate events through the embedded AWS, and workers that are
killed: of pictures, and of files from which a command makes several."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.aws import EmbeddedAws
from local.pipeline import INPUT, Pipeline, until
from local.scenarios import SCENARIOS
from tests.load.account import Account
from tests.load.counting import count
from tests.load.evidence import Evidence
from tests.load.killing import Killer
from tests.load.sizes import LOADS, LONG, SEED, TASK_UPLOADS, UPLOADS
from tests.load.uploading import Run
from tests.load.work import IN_PIECES, Pictures, Pieces, steps
from tests.local.test_sweep import Sweeper
from tests.support.running_tasks import most_at_a_time, wait_until_stopped
from tooling import paths

THRESHOLD = int(SCENARIOS["hybrid"]["HybridThresholdMiB"]) * 2**20
LIMIT = {"MaxTasks": "5"}
OWN_BUCKET = {"BucketName": "a-bucket-of-theirs"}
SEVERAL = {"Command": IN_PIECES}
STACKS = {
    **SCENARIOS,
    "lambda-own-bucket": SCENARIOS["lambda"] | OWN_BUCKET,
    "fargate-limit": SCENARIOS["fargate"] | LIMIT,
    "lambda-several": SCENARIOS["lambda"] | SEVERAL,
    "fargate-several": SCENARIOS["fargate"] | SEVERAL,
    "hybrid-several-limit": SCENARIOS["hybrid"] | SEVERAL | LIMIT,
}
SMALL = ["cloudtrail", "lambda-own-bucket", "fargate-limit", "hybrid-several-limit"]
CHOSEN = LOADS or ([*STACKS] if LONG else SMALL)


@pytest.fixture(scope="module")
def pipelines(aws: EmbeddedAws) -> dict[str, Pipeline]:
    aws.client("s3").create_bucket(Bucket=OWN_BUCKET["BucketName"])  # without versions
    chosen = {f"load-{name}": STACKS[name] | {"ResultTopic": "true"} for name in CHOSEN}
    stacks = aws.deploy_all(chosen)
    return {name: Pipeline(aws, f"load-{name}", stacks[f"load-{name}"]) for name in CHOSEN}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Progress, where it takes long."""
    began = time.monotonic()

    def tell(what: str) -> None:
        if LONG:
            with capsys.disabled():
                print(f"{time.monotonic() - began:6.0f} s: {what}", file=sys.stderr, flush=True)

    return tell


@pytest.mark.parametrize("scenario", CHOSEN)
def test_every_upload_ends_in_exactly_one_result(
    scenario: str,
    pipelines: dict[str, Pipeline],
    say: Callable[[str], None],
    figure: Callable[[str], None],
) -> None:
    chosen, pipeline = STACKS[scenario], pipelines[scenario]
    larger = THRESHOLD if chosen["Mode"] == "hybrid" else 0
    work = Pieces(larger) if "Command" in chosen else Pictures(larger)
    uploads = UPLOADS if scenario == "lambda" else TASK_UPLOADS
    run = Run(pipeline, work, steps(SEED, uploads), Killer(pipeline, SEED), say)
    run.carry_out()
    folder = paths.BUILD / "load"
    row = count(run, folder / f"{scenario}-faults.json")
    if "MaxTasks" in chosen:
        cluster = pipeline.outputs["ClusterArn"]
        tasks = wait_until_stopped(pipeline.aws.client("ecs"), cluster)
        assert 0 < most_at_a_time(tasks) <= int(chosen["MaxTasks"])
    row |= {"scenario": scenario, "date": f"{datetime.now(UTC):%d %b %Y}", "seed": SEED}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{scenario}.json").write_text(json.dumps(row))
    del row["answered"]
    figure(f"load: {row}")


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
