"""The calculator: closed forms, the template's own words about prices, and the document."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import merge
import pytest
import reconcile
from processing import job
from processing.events import Upload
from processing.settings import Settings

from economics import __main__ as command
from economics import compare, cost, document, scale
from economics.__main__ import main
from economics.cost import GB, RECIPE, Stack, Work, at, bill, tiered
from economics.figures import ASSUMED, PRICES, Job, Measured, Wrong, sizes
from economics.scenario import Scenario
from tests.support.memory_store import MemoryStore
from tests.template.synthesis import SOURCE, synthesize

TEXT = document.FILE.read_text()
README = " ".join((document.ROOT / "README.md").read_text().split())
DECISIONS = " ".join((document.FILE.parent / "DECISIONS.md").read_text().split())
INSTANT = Job(seconds_per_mib=0, start_seconds=0)
WORK = Work(1e6, sizes("1:100"), INSTANT)


def item(name: str, stack: Stack, work: Work = WORK) -> float:
    return bill(stack, work).items[name]


# ---- The document -------------------------------------------------------------------------------


def test_the_document_is_what_the_calculator_says_of_its_figures() -> None:
    assert document.document(document.measured_in(TEXT)) == TEXT


def test_the_document_is_made_from_a_whole_benchmark() -> None:
    """A quick one has few and small pictures: enough for a first look, not for a published page."""
    assert not document.measured_in(TEXT).quick, "run `make bench`, `make cost ARGS=--write`"


def test_the_document_shows_the_plot() -> None:
    assert f"({document.PLOT.name})" in TEXT
    assert document.PLOT.read_bytes().startswith(b"\x89PNG")


def test_every_price_names_aws_page_and_one_that_it_was_compared_with() -> None:
    services = [price for price in PRICES.values() if isinstance(price, dict)]
    assert len(services) > 8
    for price in services:
        assert price["source"].startswith("https://aws.amazon.com/")
        assert all(seen.startswith("https://") for seen in price["seen"].split(", "))


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
    a_task = minute - ASSUMED["network_bytes_task"] / 2**30 * 0.01
    (uploads,) = compare.crossing("fargate, public", "fargate", WORK).at
    assert uploads == pytest.approx(endpoints / a_task)


def test_the_recipe_costs_three_minutes_a_trail_and_a_nat_gateway() -> None:
    said = bill(RECIPE, WORK).items
    assert said["compute"] == pytest.approx(1e6 * 180 / 3600 * (0.04048 + 2 * 0.004445))
    assert said["trail"] == pytest.approx(1, rel=0.02)
    image = 1e6 * ASSUMED["recipe_image_gb"] * 0.045
    assert said["network"] == pytest.approx(730 * 0.05 + image, rel=0.01)
    assert said["builds"] == said["queues"] == said["sweep"] == 0


def test_spot_saves_less_than_its_discount() -> None:
    """What is interrupted runs again, on demand."""
    ratio = item("compute", Stack("fargate", spot=True)) / item("compute", Stack("fargate"))
    assert ratio == pytest.approx(1 - 0.7 + ASSUMED["interrupted"])


def test_a_gb_is_what_aws_calls_one() -> None:
    """The tiers of storage end at 50 and 500 x 1024 of them."""
    work = Work(51_200 * 1024 / 2 + 1024, sizes("1:100"), INSTANT)
    assert item("storage", Stack(), work) == pytest.approx(51_200 * 0.023 + 2 * 0.022)
    assert GB == 1_073_741_824


@pytest.mark.parametrize(
    ("mib", "requests"), [(1, 1), (7.9, 1), (8, 3), (8.1, 4), (16, 4), (200, 27)]
)
def test_an_upload_in_parts_is_a_request_for_each_and_two_more(mib: float, requests: int) -> None:
    assert cost.writes(mib) == requests
    work = Work(1e6, sizes(f"{mib}:100"), INSTANT)
    more = cost.s3_requests(Stack(), work) - cost.s3_requests(Stack(), WORK)
    assert more == pytest.approx((requests - 1) * 5)
    trail = item("trail", Stack("fargate", event_source="cloudtrail"), work)
    assert trail == pytest.approx(requests, rel=0.02)


def test_the_recipes_output_is_sent_in_parts_too_and_its_upload_fetched_so() -> None:
    work = Work(1e6, sizes("16:100"), INSTANT)
    assert cost.s3_requests(RECIPE, work) == pytest.approx(2 * 4 * 5 + 3 * 0.4)


def test_a_sweep_asks_three_times_for_each_upload_once() -> None:
    """Beside its LISTs and the time that it takes."""
    lists = 730 * (3 + 2 * 1e6 / 1000) * 0.005e-3
    assert item("sweep", Stack()) - lists > 3 * 0.4
    assert item("sweep", Stack()) - lists < 3 * 0.4 + 2


def test_a_sweep_asks_for_uploads_in_parts_every_hour_for_a_week() -> None:
    hundred_thousand = replace(WORK, uploads=1e5)
    whole = item("sweep", Stack(), hundred_thousand)
    in_parts = item("sweep", Stack(), replace(hundred_thousand, sizes=sizes("8:100")))
    assert in_parts - whole > 167 * 3 * 0.04


def test_messages_one_by_one_are_three_requests_and_in_tens_a_request_and_two_tenths() -> None:
    stack = Stack("fargate", max_tasks=50)
    a_second, request = 0.25 * 0.0000166667, 0.2e-6
    alone = 3 * 0.5e-6 + request + 1.6 * a_second
    assert cost.launches(stack, 1000) / 1000 == pytest.approx(alone)
    tens = 1.2 * 0.5e-6 + request / 10
    standing = cost.SECONDS * a_second
    assert cost.launches(stack, 1e9) == pytest.approx(1e9 * tens + standing)


# ---- What a month can't do ----------------------------------------------------------------------


def needs(stack: Stack, work: Work) -> dict[str, float]:
    return {need.what: need.needed for need in bill(stack, work).needs}


def test_what_a_function_has_no_time_for_is_said() -> None:
    long = replace(WORK, job=Job(seconds_per_mib=121, start_seconds=0))
    assert bill(Stack("lambda"), long).never == "too long"
    assert not bill(Stack("lambda", function_timeout=130), long).never
    assert not bill(Stack("fargate"), long).never


def test_what_a_task_has_no_time_for_is_said() -> None:
    long = replace(WORK, job=Job(seconds_per_mib=901, start_seconds=0))
    assert bill(Stack("fargate"), long).never == "too long"
    assert not bill(Stack("fargate", task_timeout=1000), long).never


@pytest.mark.parametrize("mode", ["lambda", "fargate", "hybrid"])
def test_an_upload_above_the_limit_is_said(mode: str) -> None:
    large = replace(WORK, sizes=sizes("1:99,257:1"))
    assert bill(Stack(mode), large).never == "too large"
    assert not bill(Stack(mode, max_mib=300), large).never
    assert not bill(RECIPE, large).never


def test_what_a_concurrency_limit_has_no_room_for_is_said() -> None:
    """Fifty tasks of half a minute do some four million a month."""
    stack, work = Stack("fargate", max_tasks=50), replace(WORK, job=INSTANT)
    assert not bill(stack, replace(work, uploads=4e6)).never
    assert bill(stack, replace(work, uploads=5e6)).never == "too many"


def test_a_concurrency_limit_is_no_faster_than_its_launcher() -> None:
    wide = Stack("fargate", max_tasks=5000)
    assert not bill(wide, replace(WORK, uploads=15e6)).never
    assert bill(wide, replace(WORK, uploads=17e6)).never == "too many"


def test_tasks_a_second_and_their_vcpus_are_compared_with_the_quotas() -> None:
    billion = replace(WORK, uploads=1e9)
    assert needs(Stack("fargate"), billion)["RunTask a second"] == pytest.approx(380.5, abs=0.1)
    assert "RunTask a second" not in needs(Stack("fargate"), replace(WORK, uploads=50e6))
    assert needs(Stack("fargate"), WORK)["vCPUs of Fargate"] > 6
    assert needs(Stack("fargate"), replace(WORK, uploads=1e5)) == {}


def test_functions_at_a_time_are_compared_with_the_quota() -> None:
    slow = Work(1e9, sizes("1:100"), Job(seconds_per_mib=3, start_seconds=0))
    assert needs(Stack(), slow)["functions at a time"] > 1000
    assert "functions at a time" not in needs(Stack(), replace(slow, uploads=1e8))


def test_the_document_prints_no_price_of_what_cannot_be() -> None:
    assert re.search(r"^\| `fargate, MaxTasks` \|.*\| too many \|$", TEXT, re.MULTILINE)
    assert re.search(r"^\| `fargate` \|.* \* \|$", TEXT, re.MULTILINE)
    assert "381 RunTask a second | quota 20" in TEXT


# ---- The project --------------------------------------------------------------------------------


def test_a_job_calls_s3_as_often_as_it_is_billed_for() -> None:
    store = MemoryStore()
    store.upload("input/a", b"a")
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    job.run(Upload(store.name, "input/a"), store, settings, log=lambda line: None)
    assert len(store.calls) == Job.CALLS
    assert [name for name, _ in store.calls if name not in ("head", "get")] == ["put"]


def test_a_sweep_asks_for_what_it_is_billed_for() -> None:
    settings = Settings(processor=lambda body, content_type: (body, content_type))
    assert len([*job.result_keys("input/a", settings)]) + 1 == cost.SWEEP_HEADS
    assert merge.LONGEST_IN_PARTS.total_seconds() / 3600 == cost.RUNS_IN_PARTS
    assert reconcile._TOGETHER == cost.SWEEP_TOGETHER
    assert SOURCE["Parameters"]["SweepSchedule"]["Default"] == "rate(1 hour)"


@pytest.mark.parametrize("network", ["isolated", "private"])
def test_the_template_says_the_same_of_a_network_that_stands_idle(network: str) -> None:
    description = SOURCE["Parameters"]["Network"]["Description"]
    (said,) = re.findall(rf"{network}: [^:]*?about (\d+) USD", description)
    idle = at(Stack("fargate", network=network), WORK, 0).items["network"]
    assert idle == pytest.approx(int(said), abs=0.5)


@pytest.mark.parametrize("text", [SOURCE["Parameters"]["Mode"]["Description"], README])
def test_the_default_stack_costs_what_is_said_of_it(text: str) -> None:
    """Idle, and at a million uploads; to a tenth, so that one alarm more or less is no lie."""
    work = document.work(document.measured_in(TEXT))
    said = re.search(
        r"default stack costs about (\d+) USD a month when idle.*?about (\d+) USD", text
    )
    assert said
    for uploads, usd in zip((0, 1e6), said.groups(), strict=True):
        assert at(Stack(), work, uploads).without_storage == pytest.approx(int(usd), rel=0.1)


def test_nothing_is_said_to_cost_nothing_when_idle() -> None:
    """The alarms and the dashboard do, whatever the mode."""
    for mode in cost.ALARMS:
        assert at(Stack(mode, network="existing"), WORK, 0).total > 7
    assert "about 8 USD" in SOURCE["Parameters"]["Network"]["Description"]
    for text in (README, str(SOURCE["Parameters"])):
        assert not re.search(r"costs? nothing when idle|\| when idle", text)


def test_the_template_says_the_same_of_the_even_time() -> None:
    description = SOURCE["Parameters"]["HybridThresholdMiB"]["Description"]
    assert f"jobs of up to {cost.even_seconds(Stack()):.0f} s" in description


def test_the_decisions_say_the_same_of_threshold_and_concurrency_limit() -> None:
    ours, max_tasks = document.work(document.measured_in(TEXT)), compare.ALL["fargate, MaxTasks"]
    heavy = compare.heavier(ours, document.HEAVY)
    assert f"after {cost.even_seconds(Stack()):.1f} s" in DECISIONS
    said = compare.even_mib(Stack("hybrid"), heavy), compare.threshold(Stack("hybrid"), heavy)
    assert f"above {said[0]:.0f} MiB, so set {said[1]}," in DECISIONS
    assert "by price alone the threshold would be 256 or more" in DECISIONS
    assert compare.threshold(Stack("hybrid"), ours) >= 256
    alone, tens = cost.launches(max_tasks, 1e6), cost.launches(max_tasks, 1e8) / 100
    assert f"makes it {alone:.2f} and {tens:.2f}" in DECISIONS


def test_the_stack_of_the_table_has_the_templates_defaults() -> None:
    parameters, stack = SOURCE["Parameters"], Stack()
    assert stack.function_mb == int(parameters["FunctionMemory"]["Default"])
    cpu, memory = parameters["TaskSize"]["Default"].split("/")
    assert (stack.task_vcpu, stack.task_gb) == (int(cpu) / 1024, int(memory) / 1024)
    assert stack.threshold_mib == int(parameters["HybridThresholdMiB"]["Default"])
    assert stack.max_mib == int(parameters["MaxBytes"]["Default"]) / 2**20
    assert stack.function_timeout == int(parameters["FunctionTimeout"]["Default"])
    assert stack.task_timeout == int(parameters["TaskTimeout"]["Default"])
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "ec2"},
        {"network": "x"},
        {"architecture": "mips"},
        {"event_source": "cloudtrail"},
        {"spot": True},
        {"max_tasks": 5},
        {"mode": "fargate", "max_tasks": -1},
        {"threshold_mib": -1},
        {"max_mib": 0},
        {"max_mib": math.nan},
        {"function_timeout": 901},
        {"task_timeout": 86_401},
    ],
)
def test_stacks_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        Stack(**wrong)


# ---- The commands -------------------------------------------------------------------------------


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No benchmark, and a copy of the page instead of the page itself. Plots are only named."""
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "BENCH", tmp_path / "bench.json")
    monkeypatch.setattr(document, "FILE", tmp_path / "COST.md")
    monkeypatch.setattr(document, "PLOT", tmp_path / "cost.png")
    monkeypatch.setattr(scale, "FILE", tmp_path / "ARCHITECTURE.md")
    document.FILE.write_text(TEXT)
    scale.FILE.write_text(f"before {scale.BEGIN} {scale.END} after")
    monkeypatch.setattr(command, "plot", lambda kind, data, target: target.write_bytes(b""))
    few = Scenario(Stack(), INSTANT, uploads=3)
    monkeypatch.setattr(scale, "scenarios", lambda job: {"few": few})
    monkeypatch.setattr(scale, "plot_file", lambda name: tmp_path / f"scale-{name}.png")
    return tmp_path


def write_benchmark(folder: Path, quick: bool) -> None:
    picture = {"width": 2000, "height": 2000, "file_bytes": 2**20, "job": 7.0}
    report = {
        "pictures": [picture],
        "cold_start": {"parts": {"interpreter": 1, "imports": 2, "client": 3}},
        "machine": {"processors": 2, "python": "3"},
        "quick": quick,
    }
    (folder / "bench.json").write_text(json.dumps(report))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "arguments",
    [["cost"], ["cost", "--uploads", "50000", "--mode", "hybrid"], ["simulate"]],
    ids=" ".join,
)
def test_a_command_shows_and_writes_no_page(pages: Path, arguments: list[str]) -> None:
    """Without a benchmark, too, as `make help` has it."""
    before = contents(pages)
    assert main(arguments) == 0
    assert contents(pages) == before


def test_the_committed_figures_are_used_where_there_is_no_benchmark(
    pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "--uploads", "1000000", "--mode", "hybrid"]) == 0
    expected = bill(Stack("hybrid"), document.work(document.measured_in(TEXT))).total
    said = capsys.readouterr().out
    assert f"{compare.usd(expected)} USD a month" in said
    assert "COST.md; `make bench` measures it" in said


def test_this_machines_benchmark_is_used_where_there_is_one(
    pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_benchmark(pages, quick=True)
    assert main(["cost", "--uploads", "1000000", "--sizes", "1:100"]) == 0
    expected = bill(Stack(), Work(1e6, sizes("1:100"), Job(7, 6))).total
    assert f"{compare.usd(expected)} USD a month" in capsys.readouterr().out


@pytest.mark.parametrize("quick", [False, True])
def test_the_page_is_written_when_asked_and_from_a_whole_benchmark(
    pages: Path, quick: bool
) -> None:
    write_benchmark(pages, quick)
    assert main(["cost", "--write"]) == 0
    written = document.measured_in(document.FILE.read_text())
    assert (written == document.measured_in(TEXT)) == quick
    assert (pages / "cost.png").exists()


def test_the_section_is_written_when_asked(pages: Path) -> None:
    assert main(["simulate", "--write"]) == 0
    assert "| [few](#few) |" in scale.FILE.read_text()
    assert (pages / "scale-few.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("cost --uploads -1", "uploads must be 0 or more, not -1"),
        ("cost --uploads nan", "uploads must be 0 or more"),
        ("cost --uploads 5 --seconds-per-mib -1", "seconds-per-mib must be 0 or more"),
        ("cost --uploads 5 --sizes 300:100", "too large: 300 MiB of an upload: MaxBytes"),
        ("cost --uploads 5 --seconds-per-mib 2", "too long: 405 seconds of a job: FunctionTimeout"),
        ("cost --uploads 1e9 --mode fargate --max-tasks 5", "too many"),
        ("cost --mode hybrid", "--mode needs --uploads"),
        ("cost --write --uploads 5", "--uploads does not go with --write"),
        ("simulate --uploads 0", "uploads must be 1 or more"),
        ("simulate --uploads 5 --sizes 300:100", "too large: 300 MiB"),
        ("simulate --uploads 5 --mode fargate --seconds-per-mib 5", "1,005 seconds of a job"),
        ("simulate --uploads 5 --vcpus -1", "vcpus must be above 0"),
        ("simulate --uploads 5 --days nan", "days must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: str, said: str, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    error = capsys.readouterr().err
    assert said in error
    assert f"make {arguments.split()[0]}: error:" in error
