"""`python -m processing`, as a user or ECS runs it: exit codes and what is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

ROOT = Path(__file__).parents[2]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "processing", *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT / "worker"), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("processing.job", ["awscrt", "boto3"]),
        ("processing.__main__", ["awscrt", "boto3"]),
        ("processing.bucket", ["boto3"]),  # the layer, and so the container, doesn't have it
    ],
)
def test_what_a_job_imports(module, without):
    """The client of S3 takes longer to import than all else, and the job works on files, too."""
    told = f"import sys, {module}; print(*[each for each in {without} if each in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", told],
        env={"PYTHONPATH": str(ROOT / "worker")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"


def test_local_files_need_no_aws(tmp_path):
    done = run(ROOT / "docs/sample.png", tmp_path / "out.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    solved = Image.open(tmp_path / "out.png")
    assert (0, 255, 0) in {colour for _, colour in solved.getcolors()}
    shown = Image.open(ROOT / "docs/sample-solved.png")
    assert ImageChops.difference(solved, shown).getbbox() is None, "README shows another one"


def test_a_rejected_file_exits_3_and_says_why(tmp_path):
    source, target = tmp_path / "bad.png", tmp_path / "out.png"
    source.write_bytes(b"")
    done = run(source, target)
    assert done.returncode == 3
    assert done.stderr == f"rejected: {source}: the file is empty (0 bytes): upload a picture\n"
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["one"], {}, "usage: python -m processing IN OUT"),
        (["no-such-file.png", "out.png"], {}, "No such file or directory: 'no-such-file.png'"),
        ([], {}, "S3_BUCKET is not set"),
        ([], {"S3_BUCKET": "b"}, "S3_KEY is not set"),
        ([], {"S3_BUCKET": "b", "S3_KEY": "input/k"}, "AWS_REGION is not set"),
        ([], {"MAX_PIXELS": "x"}, "MAX_PIXELS is 'x'"),
        ([ROOT / "docs/sample.png", "x"], {"PROCESSOR": "no:f"}, "PROCESSOR is 'no:f'"),
        ([ROOT / "docs/sample.png", "x"], {"COMMAND": "nono"}, "the program 'nono' is not there"),
    ],
)
def test_wrong_arguments_and_settings_exit_2_and_are_named(arguments, environment, says):
    done = run(*arguments, **environment)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_that_is_no_upload_is_left_alone():
    done = run(S3_BUCKET="b", S3_KEY="output/x", AWS_REGION="us-east-1")
    assert done.returncode == 0
    assert "the key is outside input/" in done.stdout


def test_an_unreachable_s3_exits_1_with_a_report():
    done = run(
        S3_BUCKET="b",
        S3_KEY="input/x",
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="s",
        AWS_ENDPOINT_URL_S3="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert '"outcome": "failed"' in done.stdout
    assert "s3:HeadObject on b/output/x: no response" in done.stdout
