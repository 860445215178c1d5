"""Live stacks and buckets: to one that somebody brings and back, two stacks in a chain, another
JobVersion, uploads that go after their output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.aws import EmbeddedAws
from local.pipeline import Json, Pipeline, identity, output_key, rejection_key, until
from tests.local.test_destroy import change
from tests.local.test_named_bucket import full_configuration, notifications
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]

# Nothing: rejected. More than a line: one file for each. The word "slow": a job that is under way
# for a while.
COMMAND = """sh -c '
test -s "$0" || exit 65
if grep -q slow "$0"; then sleep 4; fi
split --lines=1 "$0" "$1"/line-
' {input} {output}"""
ONE, SEVERAL, SLOW, BAD = b"one line", b"two\nlines", b"slow", b""
THEIRS = "theirs-to-and-fro"


def reports(pipeline: Pipeline) -> list[Json]:
    """Of all jobs that ended, by now."""
    lines = (event["message"] for event in pipeline.log())
    return [json.loads(line) for line in lines if line.startswith('{"outcome"')]


def at_rest(pipeline: Pipeline) -> None:
    """Wait until no job runs and none is to begin."""

    def quiet() -> bool:
        before = len(reports(pipeline))
        time.sleep(2)
        tasks: list[str] = []
        if cluster := pipeline.outputs.get("ClusterArn"):
            tasks = pipeline.aws.client("ecs").list_tasks(cluster=cluster)["taskArns"]
        return not tasks and len(reports(pipeline)) == before

    until(quiet, "quiet", 60)


# ---- To a bucket that somebody brings, and back --------------------------------------------------


class Uploads:
    """What was uploaded, to which bucket, and what its result must be."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._s3 = aws.client("s3")
        self.made: dict[tuple[str, str], tuple[str, bytes]] = {}

    def __call__(self, bucket: str, key: str, body: bytes) -> None:
        said = self._s3.put_object(Bucket=bucket, Key=key, Body=body)
        self.made[bucket, key] = identity(said), body

    def all_kinds(self, bucket: str, name: str) -> None:
        for kind, body in {"several": SEVERAL, "bad": BAD, "slow": SLOW}.items():
            self(bucket, f"input/{name}-{kind}", body)

    def of(self, bucket: str) -> dict[str, str]:
        """The key of the one result of each upload, and the upload that it names."""
        return {
            output_key(key) if body else rejection_key(key): version
            for (where, key), (version, body) in self.made.items()
            if where == bucket
        }


def results(pipeline: Pipeline) -> dict[str, str]:
    """Those that are there, with the uploads that they name."""
    found = {}
    for key in pipeline.keys("output/") + pipeline.keys("rejected/"):
        head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=key)
        found[key] = head["Metadata"]["source-version"]
    return found


def test_to_a_bucket_that_somebody_brings_and_back_nothing_is_lost(aws: EmbeddedAws) -> None:
    stack, uploads = "to-and-fro", Uploads(aws)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=THEIRS)
    s3.put_bucket_notification_configuration(
        Bucket=THEIRS,
        NotificationConfiguration=full_configuration(aws, THEIRS),
        SkipDestinationValidation=True,
    )
    before = notifications(aws, THEIRS)
    uploads(THEIRS, "input/there-before", ONE)
    aws.deploy_all({stack: {"Mode": "fargate", "Command": COMMAND}})
    own = aws.outputs(stack)["BucketName"]
    refused: list[Json] = []
    for number, bucket in enumerate((own, THEIRS, own, THEIRS)):
        if number:
            with ThreadPoolExecutor(1) as pool:  # jobs are waiting and under way meanwhile
                named = bucket if bucket == THEIRS else ""
                changing = pool.submit(change, aws, stack, BucketName=named)
                for moment in range(2):
                    for each in (own, THEIRS) if number < 3 else (THEIRS,):
                        uploads(each, f"input/{number}-during-{moment}", ONE)
                    time.sleep(0.75)
                changing.result()
        pipeline = Pipeline(aws, stack, aws.outputs(stack))
        assert pipeline.bucket == bucket
        uploads(bucket, f"input/{number}-again", ONE)
        uploads(bucket, f"input/{number}-again", SEVERAL)  # what is replaced gets a new result
        at_rest(pipeline)
        sweep = Sweeper(pipeline)
        with sweep.without_grace():
            sweep()
            at_rest(pipeline)
            assert sweep()["outcomes"].keys() == {"current"}
        assert results(pipeline) == uploads.of(bucket)
        refused += map(json.loads, pipeline.failures())
        if number < 3:
            uploads.all_kinds(bucket, f"{number}-before")
    # Those that were under way in the bucket that the stack left again, and nothing else.
    assert all("AccessDenied" in each["reason"] for each in refused), refused
    assert {each["bucket"] for each in refused} <= {THEIRS}
    assert pipeline.keys(".") == []
    assert notifications(aws, THEIRS) == before | {"EventBridgeConfiguration": {}}


# ---- In a chain ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain(aws: EmbeddedAws) -> list[Pipeline]:
    """Two stacks: the first one's outputs are the second one's uploads."""
    aws.client("s3").create_bucket(Bucket="chain")
    common = {"BucketName": "chain", "Command": COMMAND}
    second = {"InputPrefix": "output/", "OutputPrefix": "second/"}
    second |= {"FilesPrefix": "second-files/", "RejectedPrefix": "second-rejected/"}
    made = aws.deploy_all({"chain-1": common, "chain-2": common | second})
    return [Pipeline(aws, stack, outputs) for stack, outputs in made.items()]


def test_a_chain_runs_each_job_once_however_often_it_is_swept(chain: list[Pipeline]) -> None:
    first, second = chain
    for name, body in {"one": ONE, "several": SEVERAL, "bad": BAD}.items():
        first.result(f"input/{name}", first.upload(f"input/{name}", body))

    ends = ["second/one", "second/several"]
    until(lambda: first.keys("second/") == ends, "results of the second stack")
    for pipeline in chain:
        at_rest(pipeline)
    before = first.keys()
    assert [len(first.keys(prefix)) for prefix in ("files/", "rejected/")] == [2, 1]
    for pipeline in chain:
        sweep = Sweeper(pipeline)
        with sweep.without_grace():
            swept = [sweep()["outcomes"] for _ in range(10)]
        assert swept == [{"current": 3 if pipeline is first else 2}] * 10
    assert sorted(each["key"] for each in reports(first)) == [
        "input/bad",
        "input/one",
        "input/several",
    ]
    assert sorted(each["key"] for each in reports(second)) == ["output/one", "output/several"]
    assert first.keys() == before
    assert [pipeline.failures() for pipeline in chain] == [[], []]


# ---- What happens after the job ------------------------------------------------------------------


@pytest.fixture(scope="module")
def life(aws: EmbeddedAws) -> Iterator[Pipeline]:
    """A stack with versions, which the tests change one after the other."""
    parameters = {"Mode": "lambda", "Command": COMMAND, "JobVersion": "1"}
    made = Pipeline(aws, "life", aws.deploy_all({"life": parameters})["life"])
    yield made
    assert made.failures() == []


def job_version(pipeline: Pipeline, key: str) -> str:
    (found,) = pipeline.results(key)
    return found.metadata["job-version"]


def test_a_sweep_for_another_job_version_does_again_exactly_what_has_not_got_it(
    aws: EmbeddedAws, life: Pipeline
) -> None:
    old = {"input/again/one": ONE, "input/again/several": SEVERAL, "input/again/bad": BAD}
    for key, body in old.items():
        life.result(key, life.upload(key, body))
    change(aws, life.stack, JobVersion="2")
    life.result("input/again/new", life.upload("input/again/new", ONE))
    sweep = Sweeper(life)
    assert sweep(prefix="input/again/", reprocess=True, dry_run=True)["outcomes"] == {
        "current": 1,
        "due": 3,
    }
    assert sweep(prefix="input/again/", reprocess=True)["outcomes"] == {"current": 1, "started": 3}
    keys = [*old, "input/again/new"]
    until(lambda: [job_version(life, key) for key in keys] == ["2"] * 4, "results of the new one")
    at_rest(life)
    assert sweep(prefix="input/again/", reprocess=True)["outcomes"] == {"current": 4}
    done = [each["key"] for each in reports(life)]
    assert [done.count(key) for key in keys] == [2, 2, 2, 1]


def test_an_upload_that_goes_after_its_output_starts_nothing_any_more(
    aws: EmbeddedAws, life: Pipeline
) -> None:
    """Not even its version before, which would come back if it went by its version."""
    change(aws, life.stack, AfterSuccess="delete")
    key = "input/gone/a"
    versions = []
    for body in (ONE, SEVERAL):
        versions.append(life.upload(key, body))
        life.result(key, versions[-1])
        until(lambda: life.keys("input/gone/") == [], "no upload")
    bad = life.upload("input/gone/bad", BAD)
    life.result("input/gone/bad", bad)
    at_rest(life)
    before = len(reports(life))
    sweep = Sweeper(life)
    with sweep.without_grace():
        swept = [sweep(prefix="input/gone/")["outcomes"] for _ in range(10)]
    assert swept == [{"current": 1}] * 10  # what is rejected stays
    assert len(reports(life)) == before
    assert {*life.versions(key)} == {*versions}
    assert [each.metadata["source-version"] for each in life.results(key)] == [versions[-1]]
