"""Alarms on the embedded AWS: what is logged becomes a metric, and that sets an alarm off.

When it does is not judged here: the emulator takes all that was measured within Period times
EvaluationPeriods as one, so that the first failure is enough for it. Periods, M of N and missing
data are judged by computation, in tests/template/test_alarms.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, until
from tests.local.executors import IN_EACH_ENGINE
from tests.local.other_jobs import job_without_permissions
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]


def state(pipeline: Pipeline, alarm: str) -> str:
    """OK | ALARM | INSUFFICIENT_DATA"""
    client: Any = pipeline.aws.client("cloudwatch")
    found = client.describe_alarms(AlarmNamePrefix=f"{pipeline.stack}-{alarm}")["MetricAlarms"]
    (one,) = found
    return str(one["StateValue"])


def sum_of(pipeline: Pipeline, metric: str, **dimensions: str) -> float:
    client: Any = pipeline.aws.client("cloudwatch")
    now = datetime.now(UTC)
    reply = client.get_metric_statistics(
        Namespace=f"Uploads/{pipeline.stack}",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=5),
        Period=300,
        Statistics=["Sum"],
    )
    return sum(each["Sum"] for each in reply["Datapoints"])


def measure_failure_queue(pipeline: Pipeline) -> None:
    """What SQS itself measures each minute, which the emulator does not."""
    queue = pipeline.outputs["FailureQueueUrl"]
    sqs: Any = pipeline.aws.client("sqs")
    attribute = "ApproximateNumberOfMessages"

    def visible() -> int:
        said = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])
        return int(said["Attributes"][attribute])

    cloudwatch: Any = pipeline.aws.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": f"{attribute}Visible",
                "Dimensions": [{"Name": "QueueName", "Value": queue.rpartition("/")[2]}],
                "Value": until(visible, "a message in the failure queue"),
            }
        ],
    )


@IN_EACH_ENGINE
def test_results_are_counted_by_outcome_and_timed(pipeline: Pipeline, maze: Maze) -> None:
    before = sum_of(pipeline, "Jobs", outcome="succeeded")
    rejected = sum_of(pipeline, "Jobs", outcome="rejected")
    for key, body in {"input/counted.png": maze(1), "input/counted": b"no picture"}.items():
        pipeline.result(key, pipeline.upload(key, body))
        (report,) = pipeline.reports(key)
        assert 0 <= report["seconds_since_upload"] < 60
    assert until(lambda: sum_of(pipeline, "Jobs", outcome="succeeded") > before, "one more")
    assert until(lambda: sum_of(pipeline, "Jobs", outcome="rejected") > rejected, "one more")
    assert sum_of(pipeline, "UploadSize") >= len(maze(1))


@IN_EACH_ENGINE
def test_an_upload_that_fails_and_is_given_up_sets_alarms_off(
    pipeline: Pipeline, maze: Maze
) -> None:
    sweep, key = Sweeper(pipeline), "input/alarming/a.png"
    with (
        sweep.without_grace(MAX_ATTEMPTS="1"),
        job_without_permissions(pipeline),
    ):
        version = pipeline.upload(key, maze(3))
        assert until(lambda: state(pipeline, "UploadsFailAlarm") == "ALARM", "an alarm")
        measure_failure_queue(pipeline)
        assert state(pipeline, "FailureQueueAlarm") == "ALARM"
        pipeline.failure(key)
        assert sweep(prefix="input/alarming/")["outcomes"] == {"started": 1}
        pipeline.failure(key)
        assert sweep(prefix="input/alarming/")["outcomes"] == {"gave_up": 1}
    assert not pipeline.result(key, version).is_output
    assert until(lambda: state(pipeline, "GaveUpAlarm") == "ALARM", "an alarm")


def test_an_alarm_looks_at_its_own_dimensions_only(aws: EmbeddedAws) -> None:
    cloudwatch = aws.client("cloudwatch")
    metric = {"Namespace": "Test", "MetricName": "Waiting"}
    queues = {name: [{"Name": "QueueName", "Value": name}] for name in ("one", "other")}
    for name, dimensions in queues.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            **metric,
            Dimensions=dimensions,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    data = [{"MetricName": metric["MetricName"], "Dimensions": queues["one"], "Value": 1}]
    cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=data)
    found = cloudwatch.describe_alarms(AlarmNames=[*queues])["MetricAlarms"]
    states = {each["AlarmName"]: each["StateValue"] for each in found}
    assert states == {"one": "ALARM", "other": "INSUFFICIENT_DATA"}
