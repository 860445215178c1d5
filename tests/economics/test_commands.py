"""`make cost` and `make simulate`: what they show, and what they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from economics import __main__ as command
from economics import compare, document, scale
from economics.__main__ import main
from economics.bill import bill
from economics.scenario import Scenario
from economics.stack import Stack
from economics.work import Job, Work, sizes
from tests.economics.given import INSTANT, TEXT


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
