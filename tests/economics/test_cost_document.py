"""docs/COST.md, and what the template and the documents say of prices."""

from __future__ import annotations

import re

import pytest

from economics import bill, compare, documents, product
from economics.figures import ASSUMED, PRICES
from economics.month import Month
from economics.work import Stack
from tests.economics.given import HEAVY, MEASURED, OURS, TEXT, WORK
from tests.template.synthesis import SOURCE
from tooling import paths

README = (paths.ROOT / "README.md").read_text()
DECISIONS = " ".join((documents.COST.parent / "DECISIONS.md").read_text().split())


def test_the_document_is_what_the_calculator_says_of_its_figures() -> None:
    assert documents.cost(MEASURED) == TEXT


def test_the_document_is_made_from_a_whole_benchmark() -> None:
    """A quick one has few and small pictures: enough for a first look, not for a published page."""
    assert not MEASURED.quick, "run `make bench`, `make cost ARGS=--write`"


def test_the_document_shows_the_plot() -> None:
    assert f"({documents.COST_PLOT.name})" in TEXT
    assert documents.COST_PLOT.read_bytes().startswith(b"\x89PNG")


def test_every_price_names_aws_page_and_one_that_it_was_compared_with() -> None:
    services = [price for price in PRICES.values() if isinstance(price, dict)]
    assert len(services) > 8
    for price in services:
        assert price["source"].startswith("https://aws.amazon.com/")
        assert all(seen.startswith("https://") for seen in price["seen"].split(", "))


def test_prices_have_a_date_and_a_region() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", PRICES["date"])
    assert PRICES["region"] == "us-east-1"


def test_the_document_prints_no_price_of_what_cannot_be() -> None:
    assert re.search(r"^\| `fargate, MaxTasks` \|.*\| too many \|$", TEXT, re.MULTILINE)
    assert re.search(r"^\| `fargate` \|.* \* \|$", TEXT, re.MULTILINE)
    assert "381 RunTask a second | quota 20" in TEXT


@pytest.mark.parametrize("network", ["isolated", "private"])
def test_the_template_says_the_same_of_a_network_that_stands_idle(network: str) -> None:
    description = SOURCE["Parameters"]["Network"]["Description"]
    (said,) = re.findall(rf"{network}: [^:]*?about (\d+) USD", description)
    idle = Month(Stack("fargate", network=network), WORK.at(0)).items["network"]
    assert idle == pytest.approx(int(said), abs=0.5)


def test_the_default_stack_costs_what_is_said_of_it() -> None:
    """Idle, and at a million uploads; to a tenth, so that one alarm more or less is no lie."""
    said = re.search(
        r"default stack costs about (\d+) USD a month when idle.*?about (\d+) USD",
        SOURCE["Parameters"]["Mode"]["Description"],
    )
    assert said
    for uploads, usd in zip((0, 1e6), said.groups(), strict=True):
        assert Month(Stack(), OURS.at(uploads)).without_storage == pytest.approx(int(usd), rel=0.1)


def test_the_readme_says_the_same_of_each_mode() -> None:
    """To a tenth, too."""
    table = re.search(
        r"(?m)^\| USD a month \|(.*)\|\n.*\n\| idle \|(.*)\|\n\| a million uploads \|(.*)\|$",
        README,
    )
    assert table
    columns = zip(*(row.split("|") for row in table.groups()), strict=True)
    modes = []
    for name, idle, million in columns:
        settings = dict(re.findall(r"(\w+)=(\w+)", name.lower()))
        modes.append(settings["mode"])
        for uploads, usd in {0: idle, 1e6: million}.items():
            assert Month(Stack(**settings), OURS.at(uploads)).without_storage == pytest.approx(
                int(usd), rel=0.1
            ), name
    assert {*modes} == {*SOURCE["Parameters"]["Mode"]["AllowedValues"]}


@pytest.mark.parametrize("network", ["isolated", "private"])
def test_the_parameters_document_says_the_same_of_a_network(network: str) -> None:
    text = (documents.COST.parent / "PARAMETERS.md").read_text()
    (said,) = re.findall(rf"(?m)^\| `{network}` \|.*about (\d+) USD", text)
    idle = Month(Stack("fargate", network=network), WORK.at(0)).items["network"]
    assert idle == pytest.approx(int(said), abs=0.5)


def test_no_mode_costs_nothing_when_idle() -> None:
    """The alarms and the dashboard do, whatever the mode."""
    for mode in SOURCE["Parameters"]["Mode"]["AllowedValues"]:
        assert Month(Stack(mode, network="existing"), WORK.at(0)).total > 7, mode
    assert "about 8 USD" in SOURCE["Parameters"]["Network"]["Description"]


def test_the_template_says_the_same_of_the_even_time() -> None:
    description = SOURCE["Parameters"]["HybridThresholdMiB"]["Description"]
    assert f"jobs of up to {bill.even_seconds(Stack()):.0f} s" in description


def test_the_decisions_say_the_same_of_threshold_and_concurrency_limit() -> None:
    max_tasks = compare.ALL["fargate, MaxTasks"]
    assert f"after {bill.even_seconds(Stack()):.1f} s" in DECISIONS
    said = compare.even_mib(Stack("hybrid"), HEAVY), compare.threshold(Stack("hybrid"), HEAVY)
    assert f"above {said[0]:.0f} MiB, so set {said[1]}," in DECISIONS
    assert "by price alone the threshold would be 256 or more" in DECISIONS
    assert compare.threshold(Stack("hybrid"), OURS) >= 256
    alone = bill.usd(max_tasks, bill.launches(1e6))
    batches, seconds = 1e6 / product.LAUNCH_BATCH, 1e6 / ASSUMED["launches_a_second"]
    tens = bill.usd(max_tasks, bill.queued(1e6, batches, seconds))
    assert f"makes it {alone:.2f} and {tens:.2f}" in DECISIONS
