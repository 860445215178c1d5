"""A job of the user's own, in a folder: what of it the layer gets (worker/add_job.py)."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from local.aws import EmbeddedAws
from tests.local.test_layer import build, worker  # noqa: F401
from tooling import own_job, paths


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The user's folder, with a blank in its name."""
    folder = tmp_path / "my job"
    (folder / "mine" / "deeper").mkdir(parents=True)
    (folder / "main.py").write_text("from mine.deeper import words")
    (folder / "mine" / "deeper" / "words.py").write_text("")
    (folder / "mine" / "data.txt").write_text("data")
    for not_wanted in ("README.md", "sample.mp4", "test_main.py", ".secret.py"):
        (folder / not_wanted).write_text("")
    (folder / ".git").mkdir()
    (folder / ".git" / "hook.py").write_text("")
    return folder


def layer_of(worker: Path) -> Path:  # noqa: F811
    return worker.parent / "layer"


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_layer_gets_modules_and_folders_and_the_image_debian_packages(
    worker: Path,  # noqa: F811
    job: Path,
) -> None:
    """And nothing else; of a relative folder, found from where the build was called."""
    (job / "packages.txt").write_text("# video\nffmpeg\n\nlibreoffice-writer  # documents\n")
    done = build(worker, JOB=job.name, PWD=str(job.parent))
    assert done.returncode == 0, done.stderr
    found = names(layer_of(worker) / "python")
    own = {name for name in found if not name.startswith("processing/") and ".pyc" not in name}
    assert own == {"main.py", "mine/deeper/words.py", "mine/data.txt"}
    assert (layer_of(worker) / "packages.txt").read_text() == "ffmpeg\nlibreoffice-writer\n"


def test_without_a_job_there_are_none(worker: Path) -> None:  # noqa: F811
    done = build(worker)
    assert done.returncode == 0, done.stderr
    assert (layer_of(worker) / "packages.txt").read_text() == ""


def wheel(folder: Path, name: str, version: str) -> None:
    """A package of one module, for every Python."""
    info = f"{name}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        archive.writestr(f"{info}/RECORD", "")


def test_its_requirements_come_along_in_the_workers_versions(worker: Path, job: Path) -> None:  # noqa: F811
    index = worker.parent / "index"
    for version in ("1.0", "2.0"):
        wheel(index, "shared", version)
    wheel(index, "more", "3.0")
    digest = hashlib.sha256((index / "shared-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    (worker / "requirements.txt").write_text(f"shared==1.0 --hash=sha256:{digest}")
    (job / "requirements.txt").write_text("shared\nmore==3.0\n")
    done = build(worker, JOB=str(job), PIP_FIND_LINKS=str(index))
    assert done.returncode == 0, done.stderr
    packages = layer_of(worker) / "python"
    assert (packages / "shared.py").read_text() == "version = '1.0'"
    assert (packages / "more.py").exists()
    assert (layer_of(worker) / "packages.txt").read_text() == ""
    (job / "requirements.txt").write_text("shared==2.0\n")
    shutil.rmtree(layer_of(worker))
    done = build(worker, JOB=str(job), PIP_FIND_LINKS=str(index))
    assert done.returncode != 0
    assert "shared==2.0" in done.stderr
    assert "beside the worker's own packages" in done.stderr


def test_a_layer_with_a_job_that_is_too_large_is_refused(worker: Path, job: Path) -> None:  # noqa: F811
    with (job / "mine" / "model.bin").open("wb") as file:
        file.truncate(262_144_001)
    done = build(worker, JOB=str(job))
    assert done.returncode != 0
    assert "mine" in done.stderr
    assert "the job's folder" in done.stderr


WRONG = {
    "no such folder": (lambda job: shutil.rmtree(job), "JOB is not a folder"),
    "an empty one": (lambda job: [shutil.rmtree(job), job.mkdir()], "no modules"),
    "the worker's name": (lambda job: (job / "processing.py").write_text(""), "choose another"),
    "a wrong package": (
        lambda job: (job / "packages.txt").write_text("ffmpeg; reboot"),
        "'ffmpeg; reboot' is no name of a Debian package",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_job_is_said(worker: Path, job: Path, wrong: str) -> None:  # noqa: F811
    make_wrong, said = WRONG[wrong]
    make_wrong(job)
    done = subprocess.run(
        [paths.PYTHON_DEV, "add_job.py", layer_of(worker), job.parent],
        cwd=worker,
        env={**os.environ, "JOB": str(job)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert said in done.stderr


def test_a_wrong_job_ends_the_build(worker: Path, job: Path) -> None:  # noqa: F811
    shutil.rmtree(job)
    done = build(worker, JOB=str(job))
    assert done.returncode != 0
    assert "JOB is not a folder" in done.stderr


# ---- What is typed ------------------------------------------------------------------------------

ODD = r"""sh -c "echo \"$HOME\" '{x}' \\ `id` $$ $(HOME) #no" {input} 'a b' a\ b \d ünï"""


@pytest.mark.parametrize("by", ["environment", "argument"])
def test_make_hands_on_a_command_as_it_was_typed(by: str) -> None:
    rule = "show: ; @$(DEV)/python -c 'import os; print(os.environ[\"COMMAND\"])'"
    arguments = [f"COMMAND={ODD}"] if by == "argument" else []
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval", rule, "show", *arguments],
        env={**os.environ, **({"COMMAND": ODD} if by == "environment" else {})},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ODD + "\n"


@pytest.mark.parametrize("value", [ODD, "'", '"quoted"', "", "ends with \\", "\\' \\\" \\ "])
def test_sam_takes_a_value_from_the_file_as_it_is(value: str, tmp_path: Path) -> None:
    """By its own code, in the version that is pinned."""
    file = tmp_path / "parameters.yaml"
    file.write_text(own_job.for_sam({"Command": value}))
    program = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType as Type\n"
        "print(json.dumps(Type().convert(('Mode=fargate', sys.argv[1]), None, None)))"
    )
    python = paths.SAM.with_name("python")
    done = subprocess.run(
        [python, "-c", program, f"file://{file}"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"Mode": "fargate", "Command": value}


def test_a_command_reaches_the_job_as_it_was_typed(aws: EmbeddedAws) -> None:
    """By the real `sam deploy`, through CloudFormation."""
    aws.deploy("typed", Mode="hybrid", HybridThresholdMiB="1", Command=ODD)
    found = aws.client("ecs").describe_task_definition(
        taskDefinition=aws.resource("typed", "TaskDefinition")
    )
    (container,) = found["taskDefinition"]["containerDefinitions"]
    assert {"name": "COMMAND", "value": ODD} in container["environment"]
    function = aws.client("lambda").get_function_configuration(
        FunctionName=aws.resource("typed", "ProcessFunction")
    )
    assert function["Environment"]["Variables"]["COMMAND"] == ODD


def test_a_list_in_samconfig_keeps_the_quotes_within_a_commands_own() -> None:
    """As docs/JOBS.md has it."""
    text = (paths.ROOT / "docs/JOBS.md").read_text()
    (line,) = re.findall(r"`(parameter_overrides = .*)`", text)
    values = tomllib.loads(line)["parameter_overrides"]
    program = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType as Type\n"
        "print(json.dumps(Type().convert(json.loads(sys.argv[1]), None, None)))"
    )
    python = paths.SAM.with_name("python")
    done = subprocess.run(
        [python, "-c", program, json.dumps(values)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {
        "Mode": "fargate",
        "Command": "ffmpeg -i {input} {output}/sound.wav",
    }
