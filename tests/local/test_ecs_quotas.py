"""The embedded AWS throttles ECS's calls as AWS says that it does, where that is asked for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws import REGION, EmbeddedAws
from local.pipeline import Pipeline
from local.scenarios import SCENARIOS
from tests.local import in_ministack
from tests.support.running_tasks import most_at_a_time, wait_until_stopped

BUCKETS = """
import json, sys
from types import SimpleNamespace
from local.emulator import ecs_quotas
from ministack.services import ecs

now = [0.0]
ecs_quotas.time = SimpleNamespace(monotonic=lambda: now[0])

def done(name, calls, **data):
    return sum(ecs._ACTION_MAP[name](data) == "done" for _ in range(calls))

printed = {}
for case, steps in json.loads(sys.argv[1]).items():
    for name in ["RunTask", "StopTask", "ListTasks", "DescribeTasks"]:
        ecs._ACTION_MAP[name] = lambda data: "done"
    ecs_quotas.apply()
    printed[case] = []
    for wait, name, calls, data in steps:
        now[0] += wait
        printed[case].append(done(name, calls, **data))
print(json.dumps(printed))
"""


def test_each_category_of_calls_has_its_bucket(tmp_path: Path) -> None:
    """Waits, calls, and how many of them are taken."""
    table: dict[str, list[tuple[float, str, int, dict[str, int], int]]] = {
        "calls of RunTask": [
            (0, "RunTask", 30, {}, 20),
            (0.5, "RunTask", 30, {}, 10),
            (60, "RunTask", 30, {}, 20),
        ],
        "tasks launched": [
            (0, "RunTask", 20, {"count": 10}, 10),
            (1, "RunTask", 20, {"count": 10}, 2),
        ],
        "reads together": [(0, "ListTasks", 90, {}, 90), (0, "DescribeTasks", 90, {}, 10)],
        "changes together": [
            (0, "RunTask", 20, {}, 20),
            (0, "StopTask", 100, {}, 80),
            (1, "StopTask", 90, {}, 40),
        ],
        "apart": [(0, "ListTasks", 200, {}, 100), (0, "RunTask", 20, {}, 20)],
    }
    asked = {case: [step[:-1] for step in steps] for case, steps in table.items()}
    printed = in_ministack.run(BUCKETS, json.dumps(asked), temporary=tmp_path)
    taken = json.loads(printed.splitlines()[-1])
    assert taken == {case: [step[-1] for step in steps] for case, steps in table.items()}


def test_a_call_too_many_is_refused_as_aws_refuses_it() -> None:
    def look(number: int) -> tuple[int, str] | None:
        try:
            ecs.list_tasks(cluster="busy")
        except ClientError as error:
            said = error.response
            return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"]
        return None

    with EmbeddedAws(ecs_quotas=0.1) as aws, ThreadPoolExecutor(8) as pool:
        ecs = aws.client("ecs")
        ecs.create_cluster(clusterName="busy")
        # 10 are taken at once, and 2 a second.
        assert {*pool.map(look, range(100))} == {None, (400, "ThrottlingException")}


SHARE, UPLOADS, MAX_TASKS = 0.1, 12, 2
"""They are 10 tasks at once, and 2 calls of RunTask at once and a second: the burst is above."""
AT_ONCE = A_SECOND = 20 * SHARE


def test_a_burst_above_the_quotas_under_a_concurrency_limit_gets_all_its_results(
    figure: Callable[[str], None],
) -> None:
    """The whole pipeline: what ECS refuses waits for its turn, and nothing is refused for good."""
    limited = SCENARIOS["fargate"] | {"MaxTasks": str(MAX_TASKS)}
    with EmbeddedAws(ecs_quotas=SHARE) as aws:
        pipeline = Pipeline(aws, "quotas", aws.deploy_all({"quotas": limited})["quotas"])
        used = aws.processor_seconds()
        keys = [f"input/{number}.png" for number in range(UPLOADS)]
        versions = {key: pipeline.upload(key, b"no picture") for key in keys}
        for key, version in versions.items():
            assert not pipeline.result(key, version, seconds=90).is_output
        patient = boto3.client(
            "ecs",
            endpoint_url=aws.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard", "total_max_attempts": 10}),
        )
        tasks = wait_until_stopped(patient, pipeline.outputs["ClusterArn"])
        assert pipeline.failures() == []
        used = aws.processor_seconds() - used
    begun = sorted(task["createdAt"].timestamp() for task in tasks)
    assert len(tasks) == UPLOADS
    most = most_at_a_time(tasks)
    assert 0 < most <= MAX_TASKS
    took, least = begun[-1] - begun[0], (UPLOADS - AT_ONCE) / A_SECOND
    figure(
        f"{UPLOADS} starts in {took:.1f} s, where the quota takes {least:.1f} s; at most"
        f" {most} tasks at a time; {used:.1f} s of the processor"
    )
    assert took < 4 * least
    for first, last in itertools.combinations(range(UPLOADS), 2):
        assert last - first < AT_ONCE + A_SECOND * (begun[last] - begun[first]) + 0.5
