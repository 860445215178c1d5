"""The calculator: closed forms, the template's own words about prices, and the document."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from memory_store import MemoryStore
from processing import job
from processing.events import Upload
from processing.settings import Settings

from economics import compare, cost, document
from economics.__main__ import main
from economics.cost import RECIPE, Stack, Work, at, bill, tiered
from economics.figures import ASSUMED, PRICES, Job, Measured, NotMeasured, Wrong, sizes
from tests.template.synthesis import SOURCE, synthesize

TEXT = document.FILE.read_text()
INSTANT = Job(seconds_per_mib=0, start_seconds=0)
WORK = Work(1e6, sizes("1:100"), INSTANT)


def item(name: str, stack: Stack, work: Work = WORK) -> float:
    return bill(stack, work).items[name]


# ---- The document -------------------------------------------------------------------------------


def test_the_document_is_what_the_calculator_says_of_its_figures() -> None:
    assert document.document(document.measured_in(TEXT)) == TEXT


def test_the_document_shows_the_plot() -> None:
    assert f"({document.PLOT.name})" in TEXT
    assert document.PLOT.read_bytes().startswith(b"\x89PNG")


def test_every_price_names_aws_page() -> None:
    services = [price for price in PRICES.values() if isinstance(price, dict)]
    assert len(services) > 8
    for price in services:
        assert price["source"].startswith("https://aws.amazon.com/")


def test_prices_have_a_date_and_a_region() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", PRICES["date"])
    assert PRICES["region"] == "us-east-1"


# ---- Closed forms -------------------------------------------------------------------------------


def test_a_task_costs_a_minute_at_least() -> None:
    assert item("compute", Stack("fargate")) / 1e6 == pytest.approx((0.04048 + 2 * 0.004445) / 60)


def test_a_long_task_costs_its_seconds_from_the_images_download_on() -> None:
    work = replace(WORK, job=Job(seconds_per_mib=600, start_seconds=0))
    seconds = ASSUMED["image_pull_seconds"] + work.job.seconds(1)
    assert seconds > 600
    assert item("compute", Stack("fargate"), work) == pytest.approx(
        1e6 * seconds * (0.04048 + 2 * 0.004445) / 3600
    )


def test_a_function_costs_its_memory_and_time() -> None:
    work = Work(1e6, sizes("1:100"), Job(seconds_per_mib=1, start_seconds=0))
    expected = 1e6 * work.job.seconds(1) * 1769 / 1024 * 0.0000166667
    assert item("compute", Stack(), work) == pytest.approx(expected)


def test_a_cold_function_costs_its_start_too() -> None:
    """Of very few uploads, each finds no warm environment."""
    cold = Job(seconds_per_mib=1, start_seconds=10)
    assert cost.cold_share(1) > 0.999
    few, warm = (
        Work(1, sizes("1:100"), cold),
        Work(1, sizes("1:100"), replace(cold, start_seconds=0)),
    )
    more = item("compute", Stack(), few) - item("compute", Stack(), warm)
    assert more == pytest.approx(10 * 1769 / 1024 * 0.0000166667, rel=1e-3)


@pytest.mark.parametrize(
    ("gb_seconds", "usd"),
    [
        (0, 0),
        (6e9, 6e9 * 0.0000166667),
        (7e9, 6e9 * 0.0000166667 + 1e9 * 0.000015),
        (16e9, 6e9 * 0.0000166667 + 9e9 * 0.000015 + 1e9 * 0.0000133334),
    ],
)
def test_each_part_of_an_amount_has_the_price_of_its_tier(gb_seconds: float, usd: float) -> None:
    assert tiered(gb_seconds, PRICES["lambda"]["gb_second"]["x86_64"]) == pytest.approx(usd)


def test_hybrid_costs_what_its_parts_cost() -> None:
    """Of engines and requests; the rest has no parts."""
    work = Work(1e6, sizes("1:75,200:25"), Job(0.03, 0.1))
    small, large = Work(75e4, sizes("1:100"), work.job), Work(25e4, sizes("200:100"), work.job)
    for name in ("compute", "logs", "requests"):
        parts = item(name, Stack("lambda"), small) + item(name, Stack("fargate"), large)
        assert item(name, Stack("hybrid"), work) == pytest.approx(parts)


@pytest.mark.parametrize(
    ("mib", "engine"), [(127.9, "lambda"), (128, "lambda"), (128.1, "fargate")]
)
def test_hybrid_chooses_as_the_rules_do(mib: float, engine: str) -> None:
    assert Stack("hybrid").is_task(mib) == (engine == "fargate")


def test_the_even_time_is_where_both_cost_the_same() -> None:
    seconds = cost.even_seconds(Stack())
    assert seconds * cost.function_second(Stack()) == pytest.approx(
        60 * cost.task_second(Stack("fargate"))
    )


def test_a_crossing_is_where_both_cost_the_same() -> None:
    first, second = compare.ALL["fargate, public"], compare.ALL["fargate"]
    work = document.work(document.measured_in(TEXT))
    (uploads,) = compare.crossing("fargate, public", "fargate", work).at
    assert at(first, work, uploads).total == pytest.approx(at(second, work, uploads).total)
    assert at(first, work, uploads / 2).total < at(second, work, uploads / 2).total
    assert at(first, work, uploads * 2).total > at(second, work, uploads * 2).total


def test_the_crossing_of_addresses_and_endpoints_is_their_ratio() -> None:
    """Endpoints for an hour against an address for a minute, and the endpoints' bytes."""
    minute, endpoints = 0.005 / 60, 6 * 730 * 0.01
    a_task = minute - ASSUMED["network_bytes_task"] / 1e9 * 0.01
    (uploads,) = compare.crossing("fargate, public", "fargate", WORK).at
    assert uploads == pytest.approx(endpoints / a_task)


def test_the_recipe_costs_three_minutes_a_trail_and_a_nat_gateway() -> None:
    said = bill(RECIPE, WORK).items
    assert said["compute"] == pytest.approx(1e6 * 180 / 3600 * (0.04048 + 2 * 0.004445))
    assert said["trail"] == pytest.approx(1, rel=0.02)
    assert said["network"] > 730 * 0.05
    assert said["builds"] == said["queues"] == said["sweep"] == 0


def test_spot_saves_less_than_its_discount() -> None:
    """What is interrupted runs again, on demand."""
    ratio = item("compute", Stack("fargate", spot=True)) / item("compute", Stack("fargate"))
    assert ratio == pytest.approx(1 - 0.7 + ASSUMED["interrupted"])


def test_what_a_function_has_no_time_for_is_said() -> None:
    endless = replace(WORK, job=Job(seconds_per_mib=901, start_seconds=0))
    assert not bill(Stack("lambda"), endless).fits
    assert bill(Stack("fargate"), endless).fits


# ---- The project --------------------------------------------------------------------------------


def test_a_job_calls_s3_as_often_as_it_is_billed_for() -> None:
    store = MemoryStore()
    store.upload("input/a", b"a")
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    job.run(Upload(store.name, "input/a"), store, settings, log=lambda line: None)
    assert len(store.calls) == Job.CALLS
    assert [name for name, _ in store.calls if name not in ("head", "get")] == ["put"]


@pytest.mark.parametrize("network", ["isolated", "private"])
def test_the_template_says_the_same_of_a_network_that_stands_idle(network: str) -> None:
    description = SOURCE["Parameters"]["Network"]["Description"]
    (said,) = re.findall(rf"{network}: [^:]*?about (\d+) USD", description)
    idle = at(Stack("fargate", network=network), WORK, 0).items["network"]
    assert idle == pytest.approx(int(said), abs=0.5)


def test_the_template_says_the_same_of_the_even_time() -> None:
    description = SOURCE["Parameters"]["HybridThresholdMiB"]["Description"]
    assert f"jobs of up to {cost.even_seconds(Stack()):.0f} s" in description


def test_the_stack_of_the_table_has_the_templates_defaults() -> None:
    parameters, stack = SOURCE["Parameters"], Stack()
    assert stack.function_mb == parameters["FunctionMemory"]["Default"]
    assert stack.task_vcpu == int(parameters["TaskCpu"]["Default"]) / 1024
    assert stack.task_gb == int(parameters["TaskMemory"]["Default"]) / 1024
    assert stack.threshold_mib == parameters["HybridThresholdMiB"]["Default"]
    assert stack.network == parameters["Network"]["Default"]
    assert set(cost.NETWORKS) == set(parameters["Network"]["AllowedValues"])
    assert set(cost.MODES) == {*parameters["Mode"]["AllowedValues"], "recipe"}


@pytest.mark.parametrize("mode", cost.ALARMS)
def test_alarms_and_metrics_are_the_templates(mode: str) -> None:
    stack = synthesize({"Mode": mode})
    assert len(stack.of_type("AWS::CloudWatch::Alarm")) == cost.ALARMS[mode]
    by_outcome = 4 - 1
    assert len(stack.of_type("AWS::Logs::MetricFilter")) + by_outcome == cost.METRICS
    assert len(stack.of_type("AWS::CloudWatch::Dashboard")) == 1


# ---- What goes in -------------------------------------------------------------------------------


def test_without_a_measurement_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="make bench ARGS=--quick"):
        Measured.load(tmp_path / "bench.json")


def test_seconds_a_mib_are_those_of_all_large_pictures_together(tmp_path: Path) -> None:
    def picture(side: int, mib: int, seconds: float) -> dict[str, float]:
        return {"width": side, "height": side, "file_bytes": mib * 2**20, "job": seconds}

    report = {
        "pictures": [picture(100, 1, 100.0), picture(2000, 1, 3.0), picture(2000, 3, 1.0)],
        "cold_start": {"parts": {"interpreter": 1, "imports": 2, "client": 3, "solve": 9}},
        "machine": {"processors": 2, "python": "3"},
        "quick": True,
    }
    (tmp_path / "bench.json").write_text(json.dumps(report))
    measured = Measured.load(tmp_path / "bench.json")
    assert (measured.seconds_per_mib, measured.start_seconds) == (1.0, 6)
    assert Measured.parse(measured.as_json()) == measured


@pytest.mark.parametrize("text", ["", "1", "1:50", "1:50,2:60", "0:100", "a:100", "1:-1,1:101"])
def test_sizes_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(Wrong, match="sizes|percents"):
        sizes(text)


@pytest.mark.parametrize("wrong", [{"mode": "ec2"}, {"network": "x"}, {"architecture": "mips"}])
def test_stacks_that_do_not_exist_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Wrong):
        Stack(**wrong)


def test_the_command_bills_what_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = document.measured_in(TEXT)
    monkeypatch.setattr(Measured, "load", staticmethod(lambda: measured))
    assert main(["cost", "--uploads", "1000000", "--mode", "hybrid"]) == 0
    expected = bill(Stack("hybrid"), document.work(measured)).total
    assert f"{compare.usd(expected)} USD a month" in capsys.readouterr().out


def test_the_command_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load = Measured.load
    monkeypatch.setattr(Measured, "load", staticmethod(lambda: load(tmp_path / "none")))
    assert main(["cost"]) == 1
    assert "make bench ARGS=--quick" in capsys.readouterr().err
