"""Metrics, alarms and the dashboard: what feeds them exists, and each alarm's cause sets it off."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import reconcile
from processing import job, records
from processing.errors import NotStarted, Rejected
from processing.events import Upload
from processing.settings import Settings
from processing.starters import Starter
from state import State

from functions.launch import app as launch
from local.filter_pattern import field, matches
from tests.support.cases import in_turn
from tests.support.memory_store import MemoryStore
from tests.template.alarms import HOUR, MINUTE, Json, Series, alarm_states, sets_off
from tests.template.synthesis import CHOICES, HYBRID, SOURCE, Stack, synthesize

OPERATIONS = (Path(__file__).parents[2] / "docs/OPERATIONS.md").read_text()
OURS = "Uploads/mazes"
every_choice = in_turn("choice", CHOICES.values())
ALL = {"Mode": "hybrid", "AlarmEmail": "operator@example.com"}
"""With every alarm but those of a concurrency limit."""

OF_AWS = {
    "AWS/Lambda": (
        {
            "AsyncEventsReceived", "ConcurrentExecutions", "Duration", "Errors", "Invocations",
            "Throttles",
        },
        {"FunctionName"},
    ),
    "AWS/SQS": (
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
        {"QueueName"},
    ),
    "AWS/Events": (
        {
            "FailedInvocations", "Invocations", "InvocationsFailedToBeSentToDlq",
            "RetryInvocationAttempts",
        },
        {"RuleName"},
    ),
    "AWS/CodeBuild": ({"FailedBuilds"}, {"ProjectName"}),
    "AWS/Logs": ({"IncomingBytes"}, {"LogGroupName"}),
    "AWS/S3": ({"BucketSizeBytes"}, {"BucketName", "StorageType"}),
    "AWS/Usage": ({"ResourceCount"}, {"Type", "Resource", "Service", "Class"}),
}  # fmt: skip
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
    """What CloudWatch makes of log lines that match."""
    pattern, transformation = transformations(stack)[metric]
    value = transformation["MetricValue"]
    return [
        float(field(value, line) if value.startswith("$") else value)
        for line in lines
        if matches(pattern, line)
    ]


def measured(stack: Stack, metric: str, *said: tuple[float, list[str]]) -> Series:
    """What CloudWatch makes of lines that were logged at these seconds.

    A default value stands for each minute in which something was logged and nothing matched.
    """
    found = [(at, each) for at, lines in said for each in values(stack, metric, lines)]
    _, transformation = transformations(stack)[metric]
    if "DefaultValue" in transformation:
        matched = {at // 60 for at, _ in found}
        others = {at // 60 for at, _ in said} - matched
        found += [(minute * 60, float(transformation["DefaultValue"])) for minute in others]
    return sorted(found)


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


def metrics_of(widget: Json) -> list[tuple[str, str, dict[str, str], Json]]:
    """Namespace, name, dimensions and options of each of a widget's metrics."""
    found = []
    for row in widget["properties"]["metrics"]:
        *names, options = row if isinstance(row[-1], dict) else [*row, {}]
        if names:
            namespace, name, *rest = names
            found.append((namespace, name, dict(zip(rest[::2], rest[1::2], strict=True)), options))
    return found


def expressions(widget: Json) -> list[str]:
    """A widget's metric math."""
    return [
        row[0]["expression"]
        for row in widget["properties"]["metrics"]
        if len(row) == 1 and "expression" in row[0]
    ]


@every_choice
def test_the_dashboard_names_only_metrics_that_exist(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    for widget in dashboard(stack)["widgets"]:
        found = metrics_of(widget)
        assert len(found) + len(expressions(widget)) == len(widget["properties"]["metrics"])
        for namespace, name, dimensions, _ in found:
            check_metric(stack, namespace, name, dimensions)
            assert dimensions.get("outcome", "succeeded") in OUTCOMES


@every_choice
def test_the_dashboards_sums_are_of_metrics_beside_them(choice: dict[str, str]) -> None:
    for widget in dashboard(synthesize(choice))["widgets"]:
        known = {options["id"] for *_, options in metrics_of(widget) if "id" in options}
        for expression in expressions(widget):
            assert {*re.findall(r"\b[a-z]\w*", expression)} <= known


@every_choice
def test_the_dashboard_shows_what_somebody_looks_for(choice: dict[str, str]) -> None:
    """Uploads, results, time to result, failures, running tasks, and what costs."""
    stack = synthesize(choice)
    widgets = {
        each["properties"]["title"]: {name: options for _, name, _, options in metrics_of(each)}
        for each in dashboard(stack)["widgets"]
    }

    def shown(begins: str) -> set[str]:
        (found,) = [names for title, names in widgets.items() if title.startswith(begins)]
        return {*found}

    events = {
        *(["AsyncEventsReceived"] if "ProcessFunction" in stack.resources else []),
        *(["Invocations"] if "UploadRule" in stack.resources else []),
    }
    assert shown("Uploads: ") == events | {"TimeToResult"}
    assert shown("Results") == {"Jobs"}
    assert shown("Seconds from upload to result") == {"TimeToResult"}
    assert shown("Failures") >= {"Failures", "GaveUp", "CantStart", "NotStarted"}
    assert shown("What costs") >= {"JobTime", "IncomingBytes", "BucketSizeBytes", "Duration"}
    running = {"lambda": "Functions", "fargate": "Tasks", "hybrid": "Jobs"}
    assert shown(f"{running[stack.parameters['Mode']]} running") == {"JobTime"}


@every_choice
def test_running_jobs_are_the_time_of_jobs_over_the_time_that_passed(
    choice: dict[str, str],
) -> None:
    """In seconds both: CloudWatch's SUM is the statistic, PERIOD its seconds."""
    (widget,) = [each for each in dashboard(synthesize(choice))["widgets"] if expressions(each)]
    assert expressions(widget) == ["FILL(busy, 0) / 1000 / PERIOD(busy)"]
    ((namespace, name, dimensions, options),) = metrics_of(widget)
    assert (namespace, name, dimensions) == (OURS, "JobTime", {})
    assert options == {"id": "busy", "stat": "Sum", "visible": False}


@every_choice
def test_titles_say_what_the_rule_does(choice: dict[str, str]) -> None:
    """With a concurrency limit it starts nothing: it puts uploads into a queue."""
    stack = synthesize(choice)
    titles = [each["properties"]["title"] for each in dashboard(stack)["widgets"]]
    found = [title for title in titles if title.startswith("Launches")]
    expected = ["Launches by the rule, and tried again"] if "UploadRule" in stack.resources else []
    if "LaunchQueue" in stack.resources:
        expected = [
            "Launches that the rule put into the queue, and tried again",
            "Launches that wait for their turn, and for how long",
        ]
    assert found == expected


OUTCOMES = ["succeeded", "unchanged", "rejected", "failed"]


@every_choice
def test_cloudwatch_places_the_widgets(choice: dict[str, str]) -> None:
    """At the next free place, so that what a choice leaves out leaves no hole (Dashboard Body
    Structure and Syntax)."""
    for each in dashboard(synthesize(choice))["widgets"]:
        assert each.keys() == {"type", "width", "properties"}
        assert 24 % each["width"] == 0


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
        by_the_sweep = name in ("OldestWithoutResultAlarm", "CantStartAlarm")
        expected = "ignore" if by_the_sweep else "notBreaching"
        assert each["TreatMissingData"] == expected


# ---- Causes: lines as the code itself logs them --------------------------------------------------


def job_lines(store: MemoryStore, mode: str = "fargate") -> list[str]:
    """What jobs log that succeed, find nothing to do, reject and fail."""
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
    assert outcomes == ["succeeded", "unchanged", "rejected", "failed"]


def test_the_time_from_upload_to_result_is_measured_for_each_result() -> None:
    store = MemoryStore()
    store.clock = lambda: datetime.now(UTC) - timedelta(seconds=90)
    found = values(synthesize(), "TimeToResult", job_lines(store))
    assert found == [pytest.approx(90, abs=5)] * 2  # of the output and of the rejection


def test_sizes_and_times_are_those_of_results() -> None:
    lines = job_lines(MemoryStore())
    assert values(synthesize(), "UploadSize", lines) == [4, 3]
    assert len(values(synthesize(), "JobTime", lines)) == 2


def failure_lines() -> list[str]:
    """What functions/failure logs of a failure; that it does is tested there."""
    return [json.dumps({"failure": {"bucket": "b", "key": "k", "source": "task", "reason": "r"}})]


def sweep_lines(unsettled: datetime | None, starter: Starter) -> list[str]:
    """What the sweep logs."""
    lines: list[str] = []
    store = MemoryStore()
    uploaded = unsettled or datetime.now(UTC)
    store.clock = lambda: uploaded
    store.upload("input/a", b"x")
    plan = reconcile.Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    now = datetime.now(UTC)
    run = reconcile.Sweep(
        store, settings, lambda *_: starter, plan, now=lambda: now, log=lines.append
    )
    progress = run.run(now)
    said = reconcile.as_json(progress) | State().left(progress, now)
    lines.append(json.dumps({"sweep": said}))
    return lines


class Nothing:
    """Takes every job, and runs none."""

    def start(self, upload: Upload) -> None: ...


class NoRoom:
    """Takes no job."""

    def start(self, upload: Upload) -> None:
        raise NotStarted("no room")


def given_up_lines() -> list[str]:
    """What the sweep logs when it gives up an upload, and before: a rejection like a job's."""
    lines: list[str] = []
    store, upload = MemoryStore(), Upload("uploads", "input/a")
    store.upload(upload.key, b"x")
    store.clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    plan = reconcile.Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    for hours in (1, 2):
        now = datetime.now(UTC) + timedelta(hours=hours)
        reconcile.Sweep(
            *(store, settings, lambda *_: Nothing(), plan),
            now=lambda at=now: at,
            log=lines.append,
        ).run(now)
    return lines


def test_what_is_given_up_is_counted() -> None:
    assert values(synthesize(), "GaveUp", given_up_lines()) == [1]
    assert values(synthesize(), "GaveUp", job_lines(MemoryStore())) == []


def cant_start_lines(seen: bool) -> list[str]:
    """What the sweep logs when the last start came to no job; and when nothing did."""
    lines: list[str] = []
    store, upload = MemoryStore(), Upload("uploads", "input/a")
    plan = reconcile.Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    if seen:
        store.upload(upload.key, b"x")
    for hours in (1, 2, 3):
        now = datetime.now(UTC) + timedelta(hours=hours)
        run = reconcile.Sweep(*(store, settings, lambda *_: Nothing(), plan), now=lambda at=now: at)
        progress = run.run(now)
        failure = {"key": upload.key, "reason": "no image", "started": False}
        records.put_failure(store, failure | {"time": now.isoformat()})
    said = reconcile.as_json(progress) | State().left(progress, now)
    lines.append(json.dumps({"sweep": said}))
    return lines


def launch_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the launch function logs while there is no room."""
    cluster = SimpleNamespace(start=lambda upload, swept: NoRoom().start(upload))
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
    for lines in (launch_lines(capsys), sweep_lines(long_ago, NoRoom())):
        assert values(synthesize(HYBRID), "NotStarted", lines) == [1]


# ---- When an alarm goes off ----------------------------------------------------------------------


# Causes, as they come about in time. What the log says is logged by the code itself, above; what
# AWS measures is measured as its documentation says.


def every(minutes: float, value: float = 1, *, hours: float = 2) -> Series:
    """A measurement by AWS, from the first minute on."""
    return [(i * minutes * MINUTE, value) for i in range(int(hours * 60 / minutes))]


def failing(*minutes: float) -> Series:
    """Failures that were reported at these times, among results in each minute."""
    others = [(minute * MINUTE + 1.0, job_lines(MemoryStore())) for minute in range(180)]
    failures = [(minute * MINUTE, failure_lines()) for minute in minutes]
    return measured(synthesize(), "Failures", *others, *failures)


def overdue(*hours: float) -> Series:
    """Hourly sweeps that see an upload of these ages."""
    now = datetime.now(UTC)
    said = [
        (i * HOUR, sweep_lines(now - timedelta(hours=age), Nothing()))
        for i, age in enumerate(hours)
    ]
    return measured(synthesize(), "OldestWithoutResult", *said)


def not_started() -> Series:
    """One hourly sweep that found no room: one line."""
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    said = (10.0, sweep_lines(long_ago, NoRoom()))
    return measured(synthesize(), "NotStarted", said)


def started() -> Series:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    lines = sweep_lines(long_ago, Nothing())
    return measured(synthesize(), "NotStarted", *((i * HOUR, lines) for i in range(5)))


def given_up() -> Series:
    return measured(synthesize(), "GaveUp", (10.0, given_up_lines()))


def rejected() -> Series:
    return measured(synthesize(), "GaveUp", (10.0, job_lines(MemoryStore())))


def cant_start(*hours: bool) -> Series:
    """Hourly sweeps that see an upload whose task never begins, or none; other lines between."""
    lines = job_lines(MemoryStore())
    said = [(i * HOUR, cant_start_lines(seen)) for i, seen in enumerate(hours)]
    return measured(synthesize(), "CantStart", *said, *((at + 60, lines) for at, _ in said))


def waits(minutes: int) -> Series:
    """The age of a queue's oldest message while it waits for so long, in each minute."""
    return [(i * MINUTE, i * MINUTE) for i in range(minutes + 1)]


CAUSES: list[tuple[str, str, Callable[[], Series], bool]] = [
    ("UploadsFailAlarm", "one fails every ten minutes", lambda: failing(*range(0, 120, 10)), True),
    ("UploadsFailAlarm", "one fails, and at the next sweeps", lambda: failing(0, 60, 120), True),
    ("UploadsFailAlarm", "one fails among many results", lambda: failing(7), False),
    ("UploadsFailAlarm", "two fail, hours apart", lambda: failing(0, 150), False),
    ("UploadsFailAlarm", "nothing fails", lambda: failing(), False),
    ("FailureQueueAlarm", "one message stays", lambda: every(1), True),
    ("FailureQueueAlarm", "it is empty", lambda: every(1, 0), False),
    ("FailureQueueAlarm", "nobody uses it", list, False),
    ("FailuresUnreportedAlarm", "one waits for twenty minutes", lambda: waits(20), True),
    ("FailuresUnreportedAlarm", "a burst takes ten minutes", lambda: waits(10), False),
    ("OldestWithoutResultAlarm", "one waits for seven sweeps", lambda: overdue(*range(1, 8)), True),
    ("OldestWithoutResultAlarm", "one waits for five", lambda: overdue(*range(1, 6)), False),
    ("OldestWithoutResultAlarm", "there is nothing to do", lambda: overdue(0, 0, 0), False),
    ("CantStartAlarm", "one upload's tasks never begin", lambda: cant_start(True), True),
    ("CantStartAlarm", "there is none", lambda: cant_start(False, False), False),
    ("SweepFailsAlarm", "each hourly sweep fails", lambda: every(60, hours=3), True),
    ("SweepFailsAlarm", "each hourly sweep ends well", lambda: every(60, 0, hours=3), False),
    ("GaveUpAlarm", "a sweep gives up one upload", given_up, True),
    ("GaveUpAlarm", "jobs reject what they must", rejected, False),
    ("NotStartedAlarm", "an hourly sweep finds no room", not_started, True),
    ("NotStartedAlarm", "hourly sweeps start what they must", started, False),
    ("FunctionThrottledAlarm", "many for half an hour", lambda: every(1, 40, hours=0.5), True),
    ("FunctionThrottledAlarm", "one event, tried every five minutes", lambda: every(5.2), True),
    ("FunctionThrottledAlarm", "for a minute", lambda: every(1, 40, hours=0.03), False),
    ("LaunchesThrottledAlarm", "many for half an hour", lambda: every(1, 40, hours=0.5), True),
    ("LaunchesThrottledAlarm", "one launch, 185 tries a day", lambda: every(7.8), True),
    ("LaunchesThrottledAlarm", "for a minute", lambda: every(1, 40, hours=0.03), False),
    ("UploadEventsLostAlarm", "one event can't be put in the queue", lambda: [(10, 1)], True),
    ("UploadEventsLostAlarm", "no event is lost", list, False),
    ("SmallUploadEventsLostAlarm", "one can't be put in the queue", lambda: [(10, 1)], True),
    ("SmallUploadEventsLostAlarm", "no event is lost", list, False),
    ("TaskFailuresLostAlarm", "one event can't be put in the queue", lambda: [(10, 1)], True),
    ("TaskFailuresLostAlarm", "no event is lost", list, False),
    ("LaunchFunctionAlarm", "it fails once", lambda: [(10, 1)], True),
    ("LaunchFunctionAlarm", "it runs well each minute", lambda: every(1, 0), False),
    ("ImageBuildAlarm", "the one build fails", lambda: [(400, 1)], True),
    ("ImageBuildAlarm", "the one build succeeds", lambda: [(400, 0)], False),
]  # fmt: skip
LOUD = [(name, cause) for name, _, cause, loud in CAUSES if loud]
OF = {
    "FailureQueueAlarm": ("ApproximateNumberOfMessagesVisible", "<FailureQueue.QueueName>"),
    "FailuresUnreportedAlarm": ("ApproximateAgeOfOldestMessage", "<RawFailureQueue.QueueName>"),
    "SweepFailsAlarm": ("Errors", "<SweepFunction>"),
    "FunctionThrottledAlarm": ("Throttles", "<ProcessFunction>"),
    "LaunchesThrottledAlarm": ("RetryInvocationAttempts", "<UploadRule>"),
    "UploadEventsLostAlarm": ("InvocationsFailedToBeSentToDlq", "<UploadRule>"),
    "SmallUploadEventsLostAlarm": ("InvocationsFailedToBeSentToDlq", "<SmallUploadRule>"),
    "TaskFailuresLostAlarm": ("FailedInvocations", "<TaskFailureRule>"),
    "LaunchFunctionAlarm": ("Errors", "<LaunchFunction>"),
    "ImageBuildAlarm": ("FailedBuilds", "<ImageBuild>"),
    "UploadsFailAlarm": ("Failures", ""),
    "OldestWithoutResultAlarm": ("OldestWithoutResult", ""),
    "GaveUpAlarm": ("GaveUp", ""),
    "CantStartAlarm": ("CantStart", ""),
    "NotStartedAlarm": ("NotStarted", ""),
}
"""The metric of each alarm, and of what it is."""


def stack_with(alarm: str) -> Stack:
    return synthesize(ALL, MaxTasks="5") if alarm == "LaunchFunctionAlarm" else synthesize(ALL)


@every_choice
def test_an_event_that_no_queue_takes_sets_off_an_alarm_whichever_rule_it_is_of(
    choice: dict[str, str],
) -> None:
    stack = synthesize(choice)
    rules = {
        f"<{name}>"
        for name, each in stack.of_type("AWS::Events::Rule").items()
        if name != "SweepRule" and any("DeadLetterConfig" in t for t in each["Targets"])
    }
    watched = {
        alarm["Dimensions"][0]["Value"]
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "InvocationsFailedToBeSentToDlq"
    }
    assert watched == rules


@pytest.mark.parametrize(
    ("name", "cause", "loud"),
    [pytest.param(n, c, loud, id=f"{n}: {says}") for n, says, c, loud in CAUSES],
)
def test_an_alarm_goes_off_by_its_cause_and_by_nothing_else(
    name: str, cause: Callable[[], Series], loud: bool
) -> None:
    assert sets_off(stack_with(name), name, cause()) is loud


def test_each_alarm_has_a_cause_and_a_time_of_quiet_and_its_own_metric() -> None:
    kind = "AWS::CloudWatch::Alarm"
    alarms = {n for n, each in SOURCE["Resources"].items() if each["Type"] == kind}
    for loud in (True, False):
        assert {name for name, *_, each in CAUSES if each is loud} == alarms
    for name in alarms:
        metric, of = OF[name]
        alarm = stack_with(name)[name]
        assert alarm["MetricName"] == metric
        assert [d["Value"] for d in alarm.get("Dimensions", [])] == ([of] if of else [])


@pytest.mark.parametrize(
    "change",
    [
        {"ActionsEnabled": False},
        {"AlarmActions": []},
        {"EvaluationPeriods": 10000, "DatapointsToAlarm": 10000},
        {"EvaluationPeriods": 288, "DatapointsToAlarm": 288},
        {"EvaluationPeriods": 1, "DatapointsToAlarm": 2},
        {"Threshold": 1e12},
    ],
    ids=str,
)
@in_turn("name", sorted({name for name, _ in LOUD}))
def test_an_alarm_that_never_goes_off_is_noticed(name: str, change: Json) -> None:
    stack = stack_with(name)
    stack[name].update(change)
    assert not any(sets_off(stack, name, cause()) for each, cause in LOUD if each == name)


@in_turn("name", ["UploadsFailAlarm", "NotStartedAlarm"])
def test_what_comes_seldom_needs_no_three_periods_on_end(name: str) -> None:
    """As both had it: an hourly sweep, or an upload every ten minutes, never set them off."""
    stack = stack_with(name)
    stack[name].update(EvaluationPeriods=3, DatapointsToAlarm=3)
    assert not any(sets_off(stack, name, cause()) for each, cause in LOUD if each == name)


def test_an_upload_that_waits_is_told_until_a_sweep_finds_it_settled() -> None:
    """Between two sweeps nothing is measured: what the last one saw holds."""
    alarm = synthesize(ALL)["OldestWithoutResultAlarm"]
    for more in (0, 2):
        states = alarm_states(alarm, overdue(5, 7, 8, 0), more)
        assert states[HOUR // 2] == "OK"
        assert {states[HOUR * 2 - MINUTE], states[HOUR * 3 - MINUTE]} == {"ALARM"}
        assert {*list(states.values())[-60:]} == {"OK"}


def test_what_cant_start_is_told_until_a_sweep_finds_that_it_can() -> None:
    """Whether that sweep left it waiting or has started it again; and not for an hour of quiet."""
    alarm = synthesize(ALL)["CantStartAlarm"]
    for more in (0, 2):
        states = alarm_states(alarm, cant_start(False, True, True, False), more)
        assert states[HOUR // 2] == "OK"
        assert {states[HOUR * 2 - MINUTE], states[HOUR * 3 - MINUTE]} == {"ALARM"}
        assert {*list(states.values())[-60:]} == {"OK"}


def test_a_failure_is_no_jobs_line() -> None:
    assert not values(synthesize(), "Failures", job_lines(MemoryStore()))


def test_a_sweep_that_finds_nothing_to_do_measures_no_waiting() -> None:
    assert values(synthesize(), "OldestWithoutResult", sweep_lines(None, NoRoom())) == [0]


def test_patterns_that_are_not_understood_are_refused() -> None:
    for pattern in ("ERROR", "{ $.a != 1 }", '{ $.a = "x" && ($.b = 1) }'):
        with pytest.raises(ValueError, match="pattern"):
            matches(pattern, '{"a": "x"}')
