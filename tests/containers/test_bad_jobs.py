"""Jobs that do what a job should not, where it counts: in the task's container."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.containers.conftest import Job
from tests.containers.containers import Ended
from tests.support import jobs

MOUNTED = [
    f"--volume={Path(jobs.__file__).parent}:/mounted:ro",
    "--env=PYTHONPATH=/opt/python:/mounted",
]
SMALL = ["--memory=512m", "--memory-swap=512m", "--env=MEMORY_MIB=512"]
SECRET = "AKIASECRETOFTHEWORKER"

Run = Callable[..., Ended]


@pytest.fixture
def run(job: Job, upload: Callable[[str, bytes], str]) -> Run:
    """The whole task with a processor of the module `bad`, until it ends by itself."""

    def run(name: str, *options: str) -> Ended:
        key = f"input/bad/{name}.txt"
        upload(key, b"hi")
        with job(key, *MOUNTED, f"--env=PROCESSOR=bad:{name}", *options) as container:
            return container.wait(60)

    return run


@pytest.mark.parametrize(
    "name", ["thread", "threads", "child", "daemon", "closed", "flood", "write"]
)
def test_a_task_ends_with_its_result(run: Run, name: str) -> None:
    ended = run(name, *SMALL)
    assert (ended.code, ended.report["outcome"]) == (0, "succeeded"), ended


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("kill_all", "killed the runner, its parent process"),
        ("kill_parent", "killed the runner, its parent process"),
        ("kill_itself", "signal 9 (SIGKILL)"),
        ("end_0", "ended its process with exit code 0"),
        ("lie", "in truth it failed"),
    ],
)
def test_a_task_whose_job_ends_badly_says_why(run: Run, name: str, reason: str) -> None:
    ended = run(name, *SMALL)
    assert (ended.code, ended.report["outcome"]) == (1, "failed"), ended
    assert reason in ended.report["reason"]


@pytest.mark.parametrize("name", ["allocate", "map_memory", "allocate_in_child"])
def test_memory_that_runs_out_is_a_rejection_and_not_the_end_of_the_worker(
    run: Run, name: str
) -> None:
    ended = run(name, *SMALL)
    assert (ended.code, ended.report["outcome"]) == (0, "rejected"), ended
    assert "the memory does not suffice to process it (512 MiB)" in ended.report["reason"]


def test_the_kernels_own_end_of_a_job_is_told_from_others(run: Run) -> None:
    """Memory that the worker does not see grow: it looks every 20 ms."""
    ended = run("allocate", "--memory=256m", "--memory-swap=256m", "--env=MEMORY_MIB=8192")
    assert (ended.code, ended.report["outcome"]) == (0, "rejected"), ended
    assert "the memory does not suffice" in ended.report["reason"]


def test_a_job_that_never_ends_is_rejected_and_the_task_ends(run: Run) -> None:
    ended = run("deaf", "--env=MAX_SECONDS=2")
    assert (ended.code, ended.report["outcome"]) == (0, "rejected"), ended
    assert "it takes more than 2 s to process" in ended.report["reason"]


def test_tmp_can_be_written_and_nothing_else(run: Run, current: Callable[[str], Any]) -> None:
    assert run("write_to_tmp").report["outcome"] == "succeeded"
    assert current("output/bad/write_to_tmp.txt")["body"] == b"[]"
    assert run("write_to_root").report["outcome"] == "succeeded"
    assert current("output/bad/write_to_root.txt")["body"] == b"[]"


def test_no_credentials_are_to_be_found(run: Run, current: Callable[[str], Any]) -> None:
    """Neither in its own environment and memory nor in those of any other process."""
    ended = run("spy", f"--env=AWS_SESSION_TOKEN={SECRET}")
    assert ended.report["outcome"] in ("succeeded", "failed"), ended
    found = current("output/bad/spy.txt")
    assert found and b"HOME=" in found["body"]
    assert SECRET.encode() not in found["body"]


@pytest.mark.parametrize("name", ["wrong_type", "wrong_arguments", "not_there"])
def test_a_wrong_processor_is_no_attempt_of_the_upload(run: Run, name: str) -> None:
    ended = run(name)
    assert ended.code == 2, ended
    assert f"bad:{name}" in ended.err
    assert json.loads(ended.out.splitlines()[-1])["outcome"] == "failed"
