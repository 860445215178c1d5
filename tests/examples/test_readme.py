"""What README says of a job of one's own is one of the examples, word for word; the test in
JOBS.md passes."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.examples.conftest import PYTHON
from tooling import paths

README = (paths.ROOT / "README.md").read_text()
EXAMPLES = sorted(path for path in (paths.ROOT / "examples").iterdir() if path.is_dir())


def test_the_code_in_readme_is_that_of_the_example() -> None:
    """All below its docstring and `from __future__`."""
    ((name, text),) = re.findall(r"(?s)```python\n# (examples/\S+)\n(.*?)```", README)
    example = paths.ROOT / name
    assert text == example.read_text().split("from __future__ import annotations\n\n")[1]
    assert (
        f"`requirements.txt` (here `{(example.parent / 'requirements.txt').read_text().strip()}`)"
        in README
    )


def test_its_commands_are_those_of_the_examples_own_readme() -> None:
    own = (paths.ROOT / "examples/pdf/README.md").read_text()
    commands = re.search(r"(?s)```\n(make demo JOB.*?)```", README)
    assert commands
    assert commands[1] in own


def test_the_test_in_jobs_passes(tmp_path: Path) -> None:
    (code,) = re.findall(r"(?s)```python\n(.*?)```", (paths.ROOT / "docs/JOBS.md").read_text())
    (name,) = re.findall(r"def (test_\w+)\(", code)
    subprocess.run(
        [PYTHON, "-c", f"{code}\nimport sys\n{name}(Path(sys.argv[1]))", tmp_path],
        env={"PYTHONPATH": "worker:examples/pdf"},
        cwd=paths.ROOT,
        check=True,
    )
    assert [*tmp_path.iterdir()]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_each_example_has_a_short_readme_a_sample_and_a_place_in_readme(example) -> None:
    assert len((example / "README.md").read_text().splitlines()) <= 12
    assert len([*example.glob("sample.*")]) == 1
    assert f"(examples/{example.name})" in README or example.name == "pdf"
