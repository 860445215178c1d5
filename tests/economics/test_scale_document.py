"""docs/ARCHITECTURE.md's figures are what the simulation says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from economics import documents
from economics.model import Model
from economics.scenario import scenarios
from tests.economics.given import MEASURED

QUICK = ["steady-fargate", "day-hybrid", "burst-lambda"]
TEXT = documents.SCALE.read_text()
SCENARIOS = scenarios(MEASURED)


@pytest.mark.parametrize("name", QUICK)
def test_the_document_is_what_the_model_says(name: str) -> None:
    """Of those that take some seconds."""
    said = documents.result(Model(SCENARIOS[name]).simulate())
    assert f"| {name} | {' | '.join(said.values())} |" in TEXT


@pytest.mark.parametrize(
    ("name", "uploads"), [("burst-fargate-max-tasks", 5000), ("burst-fargate-new-max-tasks", 500)]
)
def test_a_smaller_burst_is_limited_as_the_document_says(name: str, uploads: int) -> None:
    """Of the bursts that take a minute."""
    scenario = replace(SCENARIOS[name], work=SCENARIOS[name].work.at(uploads))
    small = Model(scenario).simulate()
    first, longest = next(iter(small.limits.refusals)), documents.longest(small).split(" (")[0]
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| {name} |")]
    assert f"| {first} | {longest} (" in row
    assert small.left == small.swept == 0
    assert f"{small.tasks.most} tasks" in row


def test_a_burst_ends_within_a_fifth_more_than_the_quota_allows() -> None:
    """Through the launch queue: nothing is lost, given up or left to the sweep."""
    scenario = SCENARIOS["burst-fargate-max-tasks-1000"]
    small = Model(replace(scenario, work=scenario.work.at(10_000))).simulate()
    assert small.succeeded == 10_000
    assert small.left == small.rejected == small.dropped == small.dead_letters == small.swept == 0
    assert small.now < 1.2 * 10_000 / scenario.limits["run_task"]


@pytest.mark.parametrize("name", ["burst-fargate", "burst-fargate-max-tasks-1000"])
def test_the_documents_bursts_do_so_too(name: str) -> None:
    """Of 100,000: RunTask lets as many begin in 83.3 minutes."""
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| {name} |")]
    minutes, unit = row.split(" | ")[1].split()
    assert (float(minutes) < 1.2 * 100_000 / 20 / 60, unit) == (True, "min")


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_has_a_row_and_says_what_it_is(name: str) -> None:
    assert f"| {name} |" in TEXT
    assert f"- {name}: {SCENARIOS[name]}\n" in TEXT


def test_the_document_shows_the_plot() -> None:
    assert f"({documents.SCALE_PLOT.name})" in TEXT
    assert documents.SCALE_PLOT.read_bytes().startswith(b"\x89PNG")
