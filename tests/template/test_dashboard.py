"""The dashboard shows what somebody looks for, by metrics that exist."""

from __future__ import annotations

import json
import re

from tests.support.cases import in_turn
from tests.template.alarms import Json
from tests.template.metrics import OURS, check_metric
from tests.template.synthesis import CHOICES, Stack, synthesize

every_choice = in_turn("choice", CHOICES.values())
OUTCOMES = ["succeeded", "unchanged", "rejected", "failed"]


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
    assert shown("Jobs running") == {"JobTime"}
    if "LaunchQueue" in stack.resources:
        age, number = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
        assert shown("Launches that wait") == {age, number}


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
def test_cloudwatch_places_the_widgets(choice: dict[str, str]) -> None:
    """At the next free place, so that what a choice leaves out leaves no hole (Dashboard Body
    Structure and Syntax)."""
    for each in dashboard(synthesize(choice))["widgets"]:
        assert each.keys() == {"type", "width", "properties"}
        assert 24 % each["width"] == 0
