"""Jobs that do what a job should not, in the function: the worker says how they ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.pipeline import Pipeline
from tests.local.other_jobs import function_with_probe
from tests.support import jobs

BAD = Path(jobs.__file__).with_name("bad.py")
BY_NAME = {"PROCESSOR": "bad:by_name"}
IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "scenario"), [("process", "lambda"), ("docker", "lambda")]
)


@IN_BOTH_EXECUTORS
def test_what_a_job_leaves_behind_harms_no_result(pipeline: Pipeline) -> None:
    """Nor that of the next job in the same function."""
    with function_with_probe(pipeline, BY_NAME, BAD):
        for name in ("thread", "child", "daemon", "closed", "flood", "write"):
            key = f"input/left behind/{name}.txt"
            version = pipeline.upload(key, name.encode())
            result = pipeline.result(key, version)
            assert result.is_output, (name, result)


@IN_BOTH_EXECUTORS
def test_a_job_that_ends_badly_is_a_failure_with_version_and_reason(pipeline: Pipeline) -> None:
    with function_with_probe(pipeline, BY_NAME, BAD):
        for name, reason in {
            "kill_parent": "killed the runner, its parent process",
            "end_0": "ended its process with exit code 0",
            "segfault": "was ended by signal 11 (SIGSEGV)",
            "lie": "ValueError: in truth it failed",
        }.items():
            key = f"input/bad end/{name}.txt"
            version = pipeline.upload(key, name.encode())
            failure = pipeline.failure(key)
            assert reason in failure["reason"], name
            assert failure["version"] == version, name


@IN_BOTH_EXECUTORS
def test_a_job_that_takes_all_memory_is_rejected(pipeline: Pipeline) -> None:
    settings = {"PROCESSOR": "bad:allocate", "MEMORY_MIB": "512"}
    with function_with_probe(pipeline, settings, BAD):
        version = pipeline.upload("input/all memory.txt", b"hi")
        result = pipeline.result("input/all memory.txt", version)
    assert not result.is_output
    assert b"the memory does not suffice to process it (512 MiB)" in result.body


@pytest.mark.parametrize(("executor", "scenario"), [("docker", "lambda")])
def test_a_wrong_processor_is_no_attempt(pipeline: Pipeline) -> None:
    """Without Docker, ministack gives the errors of all handlers the same type."""
    with function_with_probe(pipeline, {"PROCESSOR": "bad:wrong_type"}, BAD):
        pipeline.upload("input/wrong.txt", b"hi")
        failure = pipeline.failure("input/wrong.txt")
    assert failure["started"] is False
    assert "the processor bad:wrong_type returned int" in failure["reason"]
