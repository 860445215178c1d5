"""A stack that lives on: its mode and its key change again and again while files are uploaded, and
it is swept a hundred times. What it keeps, and what a sweep asks of S3, must level off.

It takes many minutes, so it is not among the tests that pytest finds: `make soak` names it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from local.aws import EmbeddedAws
from local.pipeline import INPUT, Pipeline, output_key, until
from local.scenarios import SCENARIOS
from tests.load.entry_points import Bucket
from tests.load.proxy import Proxy
from tests.load.sizes import SOAKED_SWEEPS
from tests.load.uploading import rest
from tests.load.work import maze
from tests.local.test_destroy import change
from tests.local.test_keys import make_key
from tests.local.test_sweep import Sweeper
from tests.local.test_switching import SCENARIO_TOUR
from tooling import paths

Json = dict[str, Any]

STACK = "soak"
KEYS = 40
"""Uploads, replaced again and again: what is kept of them may not become more."""
OTHER_NOTES = 4
"""Beside one for each upload that a sweep started, which goes after 30 days."""
SECONDS_BETWEEN = 0.5
SWEEPS = 8
"""After each change, when all has its result."""
LEVEL_MIB = 0.2
"""By which the emulator may grow with a sweep: it forgets no log line and no measurement."""


class Uploader:
    """Uploads one file after the other, while `running`."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._numbers = count()
        self.newest: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()

        def upload() -> None:
            while not stop.wait(SECONDS_BETWEEN):
                number = next(self._numbers)
                key = f"{INPUT}{number % KEYS}.png"
                self.newest[key] = self._pipeline.upload(key, maze(number % KEYS))

        thread = threading.Thread(target=upload)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def measured(pipeline: Pipeline, sweep: Sweeper, proxy: Proxy) -> Json:
    """A sweep when all is done: what it asks of S3, and what is kept then."""
    proxy.calm()
    outcomes = sweep()["outcomes"]
    assert outcomes.keys() == {"current"}, outcomes
    calls = Counter(call.method for call in proxy.calls)
    return {
        "heads": calls["HEAD"],
        "calls": sum(calls.values()),
        "notes": len(pipeline.keys(".")),
        "messages": messages(pipeline),
        "mib": round(pipeline.aws.memory_mib(), 1),
    }


def messages(pipeline: Pipeline) -> int:
    """In all queues of the stack."""
    sqs, found = pipeline.aws.client("sqs"), 0
    for queue in sqs.list_queues(QueueNamePrefix=STACK).get("QueueUrls", []):
        name = "ApproximateNumberOfMessages"
        said = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        found += int(said["Attributes"][name])
    return found


def test_what_a_stack_keeps_and_asks_for_levels_off(
    aws: EmbeddedAws, proxy: Proxy, figure: Callable[[str], None]
) -> None:
    keys = [make_key(aws, "kms:*"), make_key(aws, "kms:*"), ""]
    began, failures, sweeps = time.monotonic(), Counter[str](), []
    aws.deploy_all({STACK: SCENARIOS["lambda"] | {"WorkerImageUri": aws.executor.worker_image}})
    pipeline = Pipeline(aws, STACK, aws.outputs(STACK))
    uploader = Uploader(pipeline)
    for number in count():
        if len(sweeps) >= SOAKED_SWEEPS:
            break
        scenario = SCENARIO_TOUR[1:][number % len(SCENARIO_TOUR[1:])]
        key = keys[number % len(keys)]
        others = ",".join(each for each in keys if each and each != key)
        chosen = {"EventSource": "s3"} | SCENARIOS[scenario]
        with uploader.running():
            change(aws, STACK, KmsKeyArn=key, OtherKeyArns=others, **chosen)
            time.sleep(5)
        pipeline = Pipeline(aws, STACK, aws.outputs(STACK))
        rest(pipeline)
        sweep = Sweeper(pipeline)
        with sweep.without_grace(AWS_ENDPOINT_URL_S3=proxy.endpoint):
            until(lambda s=sweep: s()["outcomes"].keys() == {"current"}, "only results", 120)
            failures.update(each["reason"] for each in pipeline.take_failures())
            sweeps += [
                {"mode": scenario, **measured(pipeline, sweep, proxy)} for _ in range(SWEEPS)
            ]
        bucket = Bucket(pipeline.s3, pipeline.bucket)
        for upload, version in uploader.newest.items():
            assert bucket.results(upload) == {output_key(upload): version}
    row = {
        "sweeps": sweeps,
        "failures": failures,
        "seconds": round(time.monotonic() - began),
        "date": f"{datetime.now(UTC):%d %b %Y}",
    }
    (paths.BUILD / "load").mkdir(parents=True, exist_ok=True)
    (paths.BUILD / "load" / "soak.json").write_text(json.dumps(row))
    figure(f"soak: first {sweeps[0]}, last {sweeps[-1]}, failures {dict(failures)}")
    half = len(sweeps) // 2
    for what in ("heads", "calls", "messages"):
        early, late = ([each[what] for each in part] for part in (sweeps[:half], sweeps[half:]))
        assert max(late) <= max(early), what
    assert max(each["notes"] for each in sweeps) <= KEYS + OTHER_NOTES
    assert sweeps[-1]["mib"] - sweeps[half]["mib"] <= LEVEL_MIB * half
