"""Metrics, alarms and the dashboard: what feeds them exists, and each alarm's cause sets it off."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import launch
import pytest
import sweep
from engines import NotStarted
from memory_store import MemoryStore
from processing import job
from processing.errors import Rejected
from processing.events import Upload
from processing.settings import Settings
from state import State

from local.filter_pattern import field, matches
from tests.template.synthesis import CHOICES, HYBRID, SOURCE, Stack, synthesize

OPERATIONS = (Path(__file__).parents[2] / "docs/OPERATIONS.md").read_text()
OURS = "Uploads/mazes"
every_choice = pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES.keys())
ALL = {"Mode": "hybrid", "AlarmEmail": "operator@example.com"}
"""With every alarm but those of a ceiling."""

Json = dict[str, Any]

OF_AWS = {
    "AWS/Lambda": (
        {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
        {"FunctionName"},
    ),
    "AWS/SQS": (
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
        {"QueueName"},
    ),
    "AWS/Events": ({"Invocations", "RetryInvocationAttempts"}, {"RuleName"}),
    "AWS/CodeBuild": ({"FailedBuilds"}, {"ProjectName"}),
    "AWS/Logs": ({"IncomingBytes"}, {"LogGroupName"}),
    "AWS/S3": ({"BucketSizeBytes"}, {"BucketName", "StorageType"}),
    "AWS/Usage": ({"ResourceCount"}, {"Type", "Resource", "Service", "Class"}),
}
"""Metrics that AWS documents for these services, with their dimensions, as far as used here."""


def transformations(stack: Stack) -> dict[str, tuple[str, Json]]:
    """Pattern and transformation of each of our metrics, by its name."""
    found = {}
    for each in stack.of_type("AWS::Logs::MetricFilter").values():
        assert each["LogGroupName"] == "<JobLogGroup>"
        (transformation,) = each["MetricTransformations"]
        assert transformation["MetricNamespace"] == OURS
        found[transformation["MetricName"]] = (each["FilterPattern"], transformation)
    return found


def values(stack: Stack, metric: str, lines: list[str]) -> list[float]:
    """What CloudWatch makes of log lines."""
    pattern, transformation = transformations(stack)[metric]
    value = transformation["MetricValue"]
    return [
        float(field(value, line) if value.startswith("$") else value)
        for line in lines
        if matches(pattern, line)
    ]


def check_metric(stack: Stack, namespace: str, name: str, dimensions: dict[str, str]) -> None:
    """That somebody publishes it, with these dimensions."""
    if namespace != OURS:
        names, keys = OF_AWS[namespace]
        assert name in names
        assert dimensions.keys() == keys
        return
    _, transformation = transformations(stack)[name]
    assert dimensions.keys() == {d["Key"] for d in transformation.get("Dimensions", [])}


def test_a_field_whose_value_is_taken_is_in_the_pattern() -> None:
    for pattern, transformation in transformations(synthesize()).values():
        taken = [transformation["MetricValue"]]
        taken += [each["Value"] for each in transformation.get("Dimensions", [])]
        assert all(each in pattern for each in taken if each.startswith("$"))


@every_choice
def test_each_alarm_is_on_a_metric_that_exists(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    for each in stack.of_type("AWS::CloudWatch::Alarm").values():
        dimensions = {d["Name"]: d["Value"] for d in each.get("Dimensions", [])}
        check_metric(stack, each["Namespace"], each["MetricName"], dimensions)


def dashboard(stack: Stack) -> Json:
    body: Json = json.loads(stack["Dashboard"]["DashboardBody"])
    return body


@every_choice
def test_the_dashboard_names_only_metrics_that_exist(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    widgets = dashboard(stack)["widgets"]
    for widget in widgets:
        for namespace, name, *rest in widget["properties"]["metrics"]:
            if rest and isinstance(rest[-1], dict):
                rest.pop()
            dimensions = dict(zip(rest[::2], rest[1::2], strict=True))
            check_metric(stack, namespace, name, dimensions)
            if "outcome" in dimensions:
                assert dimensions["outcome"] in job.Report.__doc__ + str(OUTCOMES)
    shown = {row[1] for widget in widgets for row in widget["properties"]["metrics"]}
    assert shown >= {"Jobs", "TimeToVerdict", "Failures", "JobTime", "UploadSize"}


OUTCOMES = ["answered", "unchanged", "rejected", "failed"]


@every_choice
def test_the_dashboards_widgets_do_not_overlap(choice: dict[str, str]) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for each in dashboard(synthesize(choice))["widgets"]:
        assert each["x"] + each["width"] <= 24
        for x in range(each["x"], each["x"] + each["width"]):
            for y in range(each["y"], each["y"] + each["height"]):
                taken[x, y] += 1
    assert set(taken.values()) == {1}


@every_choice
def test_each_alarm_says_where_the_remedy_is(choice: dict[str, str]) -> None:
    for each in synthesize(choice).of_type("AWS::CloudWatch::Alarm").values():
        named = re.search(r"See OPERATIONS\.md, ([^.]+)\.$", each["AlarmDescription"])
        assert named
        assert f"\n## {named[1]}\n" in OPERATIONS


def test_each_alarm_has_a_row_in_operations() -> None:
    table = OPERATIONS.split("\n## Alarms\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+Alarm)`", table, re.MULTILINE))
    kind = "AWS::CloudWatch::Alarm"
    assert named == {n for n, each in SOURCE["Resources"].items() if each["Type"] == kind}


@every_choice
def test_an_alarm_is_sent_only_to_an_address_that_was_given(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    expected = ["<AlarmTopic>"] if stack.parameters["AlarmEmail"] else []
    for each in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert each["AlarmActions"] == each["OKActions"] == expected


def test_only_alarms_of_this_account_are_published_and_by_tls() -> None:
    stack = synthesize(ALL)
    assert stack["AlarmTopic"]["Subscription"] == [
        {"Protocol": "email", "Endpoint": "operator@example.com"}
    ]
    tls, alarms, others = stack["AlarmTopicPolicy"]["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ours = {"aws:SourceArn": "arn:aws-test:cloudwatch:xx-test-9:111122223333:alarm:mazes-*"}
    account = {"aws:SourceAccount": "111122223333"}
    assert alarms["Condition"] == {"StringEquals": account, "ArnLike": ours}
    assert (others["Effect"], others["Principal"]) == ("Deny", "*")
    assert others["Condition"] == {"ArnNotLike": ours}


def test_what_is_not_measured_is_no_alarm() -> None:
    """But the sweep measures once an hour: what it saw last holds until it looks again."""
    for name, each in synthesize(ALL).of_type("AWS::CloudWatch::Alarm").items():
        expected = "ignore" if name == "OldestUnansweredAlarm" else "notBreaching"
        assert each["TreatMissingData"] == expected


# ---- Causes: lines as the code itself logs them --------------------------------------------------


def job_lines(store: MemoryStore, mode: str = "fargate") -> list[str]:
    """What jobs log that answer, find nothing to do, reject and fail."""
    lines: list[str] = []

    def process(body: bytes, content_type: str) -> tuple[bytes, str]:
        if body == b"bad":
            raise Rejected("bad")
        if body == b"broken":
            raise OSError
        return body, content_type

    settings = Settings(processor=process, mode=mode)
    for key, body in {"a": b"good", "b": b"bad", "c": b"broken"}.items():
        store.upload(f"input/{key}", body)
    for key in ("a", "a", "b", "c"):
        try:
            job.run(Upload("uploads", f"input/{key}"), store, settings, lines.append)
        except OSError:
            assert key == "c"
    return lines


def test_jobs_are_counted_by_their_outcome() -> None:
    stack, lines = synthesize(), job_lines(MemoryStore())
    assert len(values(stack, "Jobs", lines)) == 4
    _, transformation = transformations(stack)["Jobs"]
    (dimension,) = transformation["Dimensions"]
    outcomes = [field(dimension["Value"], line) for line in lines]
    assert outcomes == ["answered", "unchanged", "rejected", "failed"]


def test_the_time_from_upload_to_verdict_is_measured_for_each_verdict() -> None:
    store = MemoryStore()
    store.clock = lambda: datetime.now(UTC) - timedelta(seconds=90)
    found = values(synthesize(), "TimeToVerdict", job_lines(store))
    assert found == [pytest.approx(90, abs=5)] * 2  # of the answer and of the rejection


def test_sizes_and_times_are_those_of_verdicts() -> None:
    lines = job_lines(MemoryStore())
    assert values(synthesize(), "UploadSize", lines) == [4, 3]
    assert len(values(synthesize(), "JobTime", lines)) == 2


def failure_lines() -> list[str]:
    """What functions/failure logs of a failure; that it does is tested there."""
    return [json.dumps({"failure": {"bucket": "b", "key": "k", "source": "task", "reason": "r"}})]


def sweep_lines(unsettled: datetime | None, started: Callable[[Upload, int], None]) -> list[str]:
    """What the sweep logs."""
    lines: list[str] = []
    store = MemoryStore()
    uploaded = unsettled or datetime.now(UTC)
    store.clock = lambda: uploaded
    store.upload("input/a", b"x")
    plan = sweep.Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    now = datetime.now(UTC)
    run = sweep.Sweep(store, settings, started, NotStarted, plan, now=lambda: now, log=lines.append)
    progress = run.run(now)
    said = sweep.as_json(progress) | State().oldest(progress, now)
    lines.append(json.dumps({"sweep": said}))
    return lines


def no_room(upload: Upload, size: int) -> None:
    raise NotStarted("no room")


def test_what_is_given_up_is_counted() -> None:
    """By the line of the sweep's own rejection, which is like a job's."""
    lines: list[str] = []
    store, upload = MemoryStore(), Upload("uploads", "input/a")
    store.upload(upload.key, b"x")
    store.clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    plan = sweep.Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    for hours in (1, 2):
        now = datetime.now(UTC) + timedelta(hours=hours)
        sweep.Sweep(
            *(store, settings, lambda upload, size: None, NotStarted, plan),
            now=lambda at=now: at,
            log=lines.append,
        ).run(now)
    assert values(synthesize(), "GaveUp", lines) == [1]
    assert values(synthesize(), "GaveUp", job_lines(MemoryStore())) == []


def launch_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the launch function logs while there is no room."""
    cluster = SimpleNamespace(start=lambda upload, swept: no_room(upload, 0))
    launcher = launch.Launcher(cluster, 1, 0)
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "uploads"}, "object": {"key": "input/a"}},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPUT_PREFIX", "input/")
        assert launcher._start({"body": json.dumps(event)})
    return capsys.readouterr().out.splitlines()


def test_launches_that_do_not_come_about_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    for lines in (launch_lines(capsys), sweep_lines(long_ago, no_room)):
        assert values(synthesize(HYBRID), "NotStarted", lines) == [1]


def sets_off(stack: Stack, name: str, data: list[float]) -> bool:
    """Whether data in each of its periods would set an alarm off."""
    alarm = stack[name]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    value = {"Sum": sum, "Maximum": max}[alarm["Statistic"]](data, *([] if data else [0]))
    return value > float(alarm["Threshold"])


def test_uploads_that_fail_set_their_alarm_off() -> None:
    stack = synthesize()
    assert sets_off(stack, "UploadsFailAlarm", values(stack, "Failures", failure_lines()))
    assert not values(stack, "Failures", job_lines(MemoryStore()))


@pytest.mark.parametrize(("hours", "expected"), [(5, False), (7, True)])
def test_an_upload_without_a_verdict_for_too_long_sets_its_alarm_off(
    hours: int, expected: bool
) -> None:
    stack, since = synthesize(), datetime.now(UTC) - timedelta(hours=hours)
    found = values(stack, "OldestUnanswered", sweep_lines(since, lambda upload, size: None))
    assert sets_off(stack, "OldestUnansweredAlarm", found) is expected


def test_a_sweep_that_finds_nothing_to_do_ends_that_alarm() -> None:
    stack = synthesize()
    found = values(stack, "OldestUnanswered", sweep_lines(None, no_room))
    assert found == [0]
    assert not sets_off(stack, "OldestUnansweredAlarm", found)


@pytest.mark.parametrize(
    ("name", "of", "quiet", "loud"),
    [
        ("GaveUpAlarm", None, 0, 1),
        ("NotStartedAlarm", None, 0, 1),
        ("FailureQueueAlarm", "<FailureQueue.QueueName>", 0, 1),
        ("FailuresUnreportedAlarm", "<RawFailureQueue.QueueName>", 900, 901),
        ("FunctionThrottledAlarm", "<ProcessFunction>", 0, 1),
        ("LaunchesThrottledAlarm", "<UploadRule>", 0, 1),
        ("ImageBuildAlarm", "<ImageBuild>", 0, 1),
    ],
)
def test_what_is_measured_of_a_cause_sets_its_alarm_off(
    name: str, of: str | None, quiet: float, loud: float
) -> None:
    stack = synthesize(ALL)
    assert [d["Value"] for d in stack[name].get("Dimensions", [])] == ([of] if of else [])
    assert not sets_off(stack, name, [quiet])
    assert sets_off(stack, name, [loud])


def test_a_launch_function_that_fails_sets_its_alarm_off() -> None:
    stack = synthesize(HYBRID, MaxTasks="5")
    (dimension,) = stack["LaunchFunctionAlarm"]["Dimensions"]
    assert dimension["Value"] == "<LaunchFunction>"
    assert sets_off(stack, "LaunchFunctionAlarm", [1])


def test_patterns_that_are_not_understood_are_refused() -> None:
    for pattern in ("ERROR", "{ $.a != 1 }", '{ $.a = "x" && ($.b = 1) }'):
        with pytest.raises(ValueError, match="pattern"):
            matches(pattern, '{"a": "x"}')
