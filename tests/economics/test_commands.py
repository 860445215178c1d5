"""`make cost` and `make simulate`: what they show, and what they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from economics import __main__ as command
from economics import documents, scenario, work
from economics.__main__ import main
from economics.month import Month
from economics.scenario import Scenario
from economics.work import Job, Stack, Work, sizes
from tests.economics.given import MEASURED, OURS, TEXT, WORK


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No benchmark, and a copy of the page instead of the page itself. Plots are only named."""
    monkeypatch.setattr(work, "BENCH", tmp_path / "bench.json")
    monkeypatch.setattr(documents, "COST", tmp_path / "COST.md")
    monkeypatch.setattr(documents, "COST_PLOT", tmp_path / "cost.png")
    monkeypatch.setattr(documents, "SCALE", tmp_path / "ARCHITECTURE.md")
    monkeypatch.setattr(documents, "SCALE_PLOT", tmp_path / "scale.png")
    documents.COST.write_text(TEXT)
    documents.SCALE.write_text(f"before {documents.BEGIN} {documents.END} after")
    monkeypatch.setattr(command, "plot", lambda target, *_, **axes: target.write_bytes(b""))
    few = Scenario(Stack(), WORK.at(3))
    monkeypatch.setattr(scenario, "scenarios", lambda job: {"few": few})
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
    expected = Month(Stack("hybrid"), OURS).total
    said = capsys.readouterr().out
    assert f"{documents.usd(expected)} USD a month" in said
    assert "COST.md; `make bench` measures it" in said


def test_this_machines_benchmark_is_used_where_there_is_one(
    pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_benchmark(pages, quick=True)
    assert main(["cost", "--uploads", "1000000", "--sizes", "1:100"]) == 0
    expected = Month(Stack(), Work(1e6, sizes("1:100"), Job(7, 6))).total
    assert f"{documents.usd(expected)} USD a month" in capsys.readouterr().out


@pytest.mark.parametrize("quick", [False, True])
def test_the_page_is_written_when_asked_and_from_a_whole_benchmark(
    pages: Path, quick: bool
) -> None:
    write_benchmark(pages, quick)
    assert main(["cost", "--write"]) == 0
    written = documents.measured()
    assert (written == MEASURED) == quick
    assert (pages / "cost.png").exists()


def test_the_section_is_written_when_asked(pages: Path) -> None:
    assert main(["simulate", "--write"]) == 0
    assert "| few |" in documents.SCALE.read_text()
    assert (pages / "scale.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("cost --uploads -1", "argument --uploads: must be 0 or more, not -1"),
        ("cost --uploads nan", "--uploads: must be 0 or more"),
        ("cost --uploads 5 --seconds-per-mib -1", "--seconds-per-mib: must be 0 or more"),
        ("cost --uploads 5 --sizes 300:100", "too large: 300 MiB of an upload: MaxBytes"),
        ("cost --uploads 5 --seconds-per-mib 2", "too long: 405 seconds of a job: FunctionTimeout"),
        ("cost --uploads 1e9 --mode fargate --max-tasks 5", "too many"),
        ("cost --uploads 5 --mode ec2", "argument --mode: invalid choice"),
        ("cost --uploads 5 --threshold 3", "argument --threshold: invalid choice"),
        ("cost --uploads 5 --function-timeout 901", "--function-timeout: must be a whole number"),
        ("cost --uploads 5 --task-timeout 604801", "--task-timeout: must be a whole number"),
        ("cost --uploads 5 --mode fargate --max-tasks -1", "--max-tasks: must be a whole number"),
        ("cost --uploads 5 --max-bytes 0", "--max-bytes: must be a whole number"),
        ("cost --uploads 5 --sizes 1:50", "argument --sizes: sizes are MiB:percent"),
        ("cost --mode hybrid", "--mode needs --uploads"),
        ("cost --write --uploads 5", "--uploads does not go with --write"),
        ("simulate --uploads 0.5", "argument --uploads: must be 1 or more, not 0.5"),
        ("simulate --uploads 5 --sizes 300:100", "too large: 300 MiB"),
        ("simulate --uploads 5 --mode fargate --seconds-per-mib 5", "1,005 seconds of a job"),
        ("simulate --uploads 5 --vcpus -1", "--vcpus: must be 0 or more"),
        ("simulate --uploads 5 --rate 0", "argument --rate: must be above 0"),
        ("simulate --uploads 5 --days nan", "--days: must be above 0, not nan"),
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
