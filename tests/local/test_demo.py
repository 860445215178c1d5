"""The demo: its arguments, its exit codes, and that it leaves nothing running."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import demo
from local.emulator import isolation
from local.pipeline import until
from tests.local.test_embedded_aws import processes_of, temporary  # noqa: F401
from tooling import paths
from tooling.build import build
from tooling.commands import Commands


def test_the_sample_and_all_scenarios_are_the_default() -> None:
    chosen = demo.parse([])
    assert chosen.input == paths.SAMPLE
    assert chosen.job.scenarios == ["lambda", "fargate", "cloudtrail", "hybrid", "own-bucket"]


def test_an_unknown_scenario_is_refused_with_the_choices(
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


def test_a_wrong_argument_is_named_as_users_of_make_know_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for wrong in (["--input", "lost.png"], ["--scenarios", "batch"]):
        with pytest.raises(SystemExit, match="2"):
            demo.parse(wrong)
        said = capsys.readouterr().err
        assert f"make demo: error: {wrong[0].removeprefix('--').upper()}: " in said
        assert "usage: make demo [INPUT=file] [JOB=folder]" in said
        assert "--" not in said


def test_two_demos_at_once_have_a_folder_each(tmp_path: Path) -> None:
    with demo.folder_of_its_own(tmp_path) as first, demo.folder_of_its_own(tmp_path) as second:
        assert [first.name, second.name] == ["demo", "demo-2"]
    with demo.folder_of_its_own(tmp_path) as later:
        assert later == first


def test_a_file_in_the_folder_that_it_empties_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "demo" / "lambda" / "sample.png"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"")
    assert demo.main(["--input", str(earlier), "--build", str(tmp_path)]) == 2
    assert "the demo empties" in capsys.readouterr().err
    assert earlier.exists()


@pytest.mark.parametrize("package", ["local", "operate", "bench", "economics", "supply"])
def test_an_interrupt_while_it_imports_is_one_line(package: str) -> None:
    """Whatever is imported after the package, as `python -m PACKAGE.MODULE` does."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {package}; raise KeyboardInterrupt"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "\ninterrupted\n"
    assert done.returncode == -signal.SIGINT  # a shell calls it 130


def test_a_defect_still_shows_its_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tooling; raise ValueError"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def run_demo(build: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.demo", f"--build={build}", *arguments],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_it_shows_each_step_and_leaves_the_output(tmp_path: Path) -> None:
    picture = tmp_path / "my own maze.png"
    shutil.copy(paths.SAMPLE, picture)
    older = tmp_path / "demo" / "fargate" / "older.png"
    older.parent.mkdir(parents=True)
    older.write_bytes(b"")
    done = run_demo(tmp_path, "--input", str(picture), "--scenarios", "fargate")
    assert done.returncode == 0, done.stdout + done.stderr
    happened = re.findall(r"^ +(-?\d+\.\d\d) s  (\w+)", done.stdout, re.MULTILINE)
    assert [what for _, what in happened] == ["uploaded", "event", "started", "succeeded"]
    seconds = [float(after) for after, _ in happened]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    output = tmp_path / "demo" / "fargate" / "my own maze.png"
    assert output.read_bytes() != picture.read_bytes()
    assert f"demo/fargate/{picture.name}" in done.stdout
    assert not older.exists()


def test_a_broken_picture_shows_its_rejection(tmp_path: Path) -> None:
    picture = tmp_path / "broken.png"
    picture.write_bytes(paths.SAMPLE.read_bytes()[:1000])
    done = run_demo(tmp_path, "--input", str(picture), "--scenarios", "lambda")
    assert done.returncode == 1
    assert done.stdout.count("the picture is damaged or cut off") == 1
    happened = re.findall(r"^ +(-?\d+\.\d\d) s  (\w+)", done.stdout, re.MULTILINE)
    assert [what for _, what in happened] == ["uploaded", "started", "rejected"]
    record = tmp_path / "demo" / "lambda" / "broken.png.json"
    assert str(record) in done.stdout
    assert json.loads(record.read_text())["key"] == "input/broken.png"


def test_a_bucket_that_was_there_before_is_shown_with_what_changed_in_it(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "--scenarios", "own-bucket")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "the sweep: 1 started",
        "input/earlier/sample.png: output/earlier/sample.png",
        "input/broken-sample.png: rejected/broken-sample.png.json",
        "its notifications: EventBridge was added, and nothing else changed",
        "in the stack's own bucket: .sweep/attempts/",
    ):
        assert f"  {line}" in done.stdout
    assert (tmp_path / "demo" / "own-bucket" / "sample.png").exists()
    shown = (tmp_path / "demo" / "index.html").read_text()
    rows = dict(re.findall('<tr><td>([^<]+)</td><td class="dim">([^<]+)</td></tr>', shown))
    there = {"input/earlier/sample.png", "reports/2025.csv"}
    assert {key for key, said in rows.items() if said == "there before"} == there
    assert "CHANGED" not in rows.values()
    assert not [key for key in rows if key.startswith(".sweep/")]


IN_A_BUILD_OF_ITS_OWN = """
import pathlib, sys
from tooling import paths
paths.BUILD = pathlib.Path(sys.argv.pop(1))
from local import demo
sys.exit(demo.main())
"""


@pytest.fixture(scope="module")
def nothing_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is built, in which nothing was ever deployed from."""
    return tmp_path_factory.mktemp("build")


@pytest.mark.parametrize(
    ("sent", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupt_leaves_nothing_running(
    temporary: Path,  # noqa: F811
    nothing_built: Path,
    sent: signal.Signals,
    exit_code: int,
) -> None:
    """While it deploys, as only what was not deployed before has to."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", IN_A_BUILD_OF_ITS_OWN, nothing_built],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
    ) as running:
        until(
            lambda: any("sam deploy" in line for line in processes_of(temporary)), "sam deploy", 120
        )
        running.send_signal(sent)
        assert running.wait(30) == exit_code
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


# ---- A job of the user's own ---------------------------------------------------------------------


NOSY = """
import json, os, tempfile
from pathlib import Path
from processing.output import Source

def look(source: Source, outputs: Path) -> None:
    def may_write(folder):
        try:
            with tempfile.TemporaryFile(dir=folder):
                return True
        except OSError:
            return False

    def has_keys(process):
        try:
            return b"AWS_SECRET" in (process / "environ").read_bytes()
        except OSError:
            return False

    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    (outputs / "said.json").write_text(json.dumps({
        "keys": sum(map(has_keys, processes)),
        "processes": len(processes),
        "writes": [may_write(name) for name in (tempfile.gettempdir(), "/", "/var/tmp", HERE)],
        "user": os.getuid(),
        "variables": sorted(name for name in os.environ if name.startswith("AWS")),
    }))
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a blank in its name, built once for all: on a busy machine it takes longer than
    what is waited for below."""
    folder = tmp_path_factory.mktemp("jobs") / "my job"
    folder.mkdir()
    (folder / "words.py").write_text(
        "def shout(body, content_type):\n    return body.upper(), 'text/plain'\n"
        "def fail(body, content_type):\n    raise OSError('the disk is on fire')\n"
    )
    (folder / "nosy.py").write_text(NOSY.replace("HERE", repr(str(paths.ROOT))))
    build(Commands(), "host", folder)
    return folder


def test_a_job_of_the_users_own_is_run_on_any_file(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB", str(job))
    monkeypatch.setenv("PROCESSOR", "words:shout")
    upload = tmp_path / "hello.txt"
    upload.write_text("hello")
    done = run_demo(tmp_path, "--input", str(upload), "--scenarios", "lambda", "own-bucket")
    assert done.returncode == 0, done.stdout + done.stderr
    for scenario in ("lambda", "own-bucket"):
        output = tmp_path / "demo" / scenario / "hello.txt"
        assert output.read_text() == "HELLO"
        assert f"text/plain, 5 bytes: {output}" in done.stdout
    assert "the same, byte for byte" in done.stdout


def test_a_job_that_fails_ends_the_demo_with_what_it_said(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB", str(job))
    monkeypatch.setenv("PROCESSOR", "words:fail")
    done = run_demo(tmp_path, "--scenarios", "fargate")
    assert done.returncode == 1
    assert "the disk is on fire" in done.stderr


def test_a_job_with_debian_packages_is_run_by_tasks(tmp_path: Path) -> None:
    (tmp_path / "packages.txt").write_text("ffmpeg")
    assert demo.Job(tmp_path, {}).scenarios == ["fargate", "cloudtrail", "own-bucket"]


def test_a_job_that_is_no_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOB", "lost")
    with pytest.raises(SystemExit, match="2"):
        demo.parse([])
    assert "JOB: there is no folder 'lost'" in capsys.readouterr().err


def test_a_task_without_docker_finds_what_it_would_find_in_its_container(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials, nothing of this machine's processes, and no place to write but its own."""
    if problem := isolation.problem():
        pytest.skip(problem)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker")
    monkeypatch.setenv("JOB", str(job))
    monkeypatch.setenv("PROCESSOR", "nosy:look")
    done = run_demo(tmp_path, "--scenarios", "fargate")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads((tmp_path / "demo" / "fargate" / paths.SAMPLE.name).read_text())
    own, *others = said["writes"]
    assert (own, any(others)) == (True, False)
    assert (said["keys"], said["user"], said["variables"]) == (0, 65532, [])
    assert said["processes"] <= 4  # the worker, the runner and the job
