"""The demo: its arguments, its exit codes, and that it leaves nothing running."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import demo, paths
from local.pipeline import until
from tests.local.test_embedded_aws import processes_of, temporary  # noqa: F401


def test_the_sample_and_all_scenarios_are_the_default() -> None:
    chosen = demo.parse([])
    assert chosen.input == paths.SAMPLE
    assert chosen.scenarios == ["lambda", "fargate", "cloudtrail", "hybrid"]


def test_an_unknown_scenario_is_answered_with_the_choices(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        demo.parse(["--scenarios", "lambda", "batch"])
    said = capsys.readouterr().err
    assert re.search(r"'batch'.*choose from.*lambda.*fargate.*cloudtrail", said)


def test_a_missing_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        demo.parse(["--input", "lost.png"])
    assert f"there is no file 'lost.png' (in {tmp_path})" in capsys.readouterr().err


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        demo.parse(["--input", str(tmp_path)])
    assert "there is no file" in capsys.readouterr().err


def test_a_file_is_found_by_relative_and_by_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert demo.parse(["--input", "a.png"]).input == Path("a.png")
    assert demo.parse(["--input", str(tmp_path / "a.png")]).input == tmp_path / "a.png"


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.demo", *arguments],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_it_shows_each_step_and_leaves_the_answer(tmp_path: Path) -> None:
    picture = tmp_path / "my own maze.png"
    shutil.copy(paths.SAMPLE, picture)
    done = run_demo("--input", str(picture), "--scenarios", "fargate")
    assert done.returncode == 0, done.stdout + done.stderr
    happened = re.findall(r"^ +(-?\d+\.\d\d) s  (\w+)", done.stdout, re.MULTILINE)
    assert [what for _, what in happened] == ["uploaded", "event", "started", "answered"]
    seconds = [float(after) for after, _ in happened]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    answer = paths.BUILD / "demo" / "fargate" / "my own maze.png"
    assert answer.read_bytes() != picture.read_bytes()
    assert f"build/demo/fargate/{picture.name}" in done.stdout


def test_a_broken_picture_shows_its_rejection(tmp_path: Path) -> None:
    picture = tmp_path / "broken.png"
    picture.write_bytes(paths.SAMPLE.read_bytes()[:1000])
    done = run_demo("--input", str(picture), "--scenarios", "lambda")
    assert done.returncode == 1
    assert "rejected: the picture is damaged or cut off" in done.stdout
    assert '"key": "input/broken.png"' in done.stdout
    record = paths.BUILD / "demo" / "lambda" / "broken.png.json"
    assert "damaged or cut off" in record.read_text()


@pytest.mark.parametrize(
    ("sent", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupt_leaves_nothing_running(
    temporary: Path,  # noqa: F811
    sent: signal.Signals,
    exit_code: int,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "local.demo"],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
    ) as running:
        until(lambda: any("sam deploy" in line for line in processes_of(temporary)), "sam deploy")
        running.send_signal(sent)
        assert running.wait(30) == exit_code
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []
