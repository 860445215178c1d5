"""Each example on the embedded AWS, by the command in its own README."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.conftest import sample
from tooling import own_job, paths

SHA256 = hashlib.sha256(sample("checksum").read_bytes()).hexdigest()
OUTPUTS = {
    "checksum": ["sample.txt.sha256"],
    "parquet": ["sample.csv.parquet"],
    "pdf": ["sample.pdf.json", "sample.pdf/page-0001.png", "sample.pdf/page-0002.png"],
    "unzip": [
        "sample.zip.json",
        "sample.zip/letters/a.txt",
        "sample.zip/letters/b.txt",
        "sample.zip/readme.txt",
    ],
    "video": ["sample.mp4.json", "sample.mp4/sound.m4a", "sample.mp4/thumbnail.jpg"],
}


def command_of(example: str) -> dict[str, str]:
    """The variables of `make demo` in the example's README."""
    readme = (paths.ROOT / "examples" / example / "README.md").read_text()
    found = re.search(r"(?m)^make demo (.*)$", readme)
    assert found
    return dict(word.split("=", 1) for word in shlex.split(found[1]))


@pytest.mark.parametrize("example", OUTPUTS)
def test_the_demo_of_the_example(example: str, tmp_path: Path) -> None:
    chosen = command_of(example)
    scenarios = ["lambda", "fargate"]
    if example == "video":
        scenarios.remove("lambda")
        if not shutil.which("ffmpeg"):
            pytest.skip("no ffmpeg on this machine")
    upload = paths.ROOT / chosen.pop("INPUT")
    assert {*chosen} <= {own_job.FOLDER, *own_job.PARAMETERS}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "local.demo", f"--build={tmp_path}", f"--input={upload}"),
            *("--scenarios", *scenarios),
        ],
        env=os.environ | chosen,
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for scenario in scenarios:
        folder = tmp_path / "demo" / scenario
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert sorted(str(path.relative_to(folder)) for path in files) == OUTPUTS[example]
        if example == "checksum":
            assert files[0].read_text().split()[0] == SHA256
