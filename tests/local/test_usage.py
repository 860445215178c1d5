"""What a wrong argument is met with: in the words of make, whatever the target."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

from tooling import paths

WRONG = {
    "demo": ("local.demo", ["--input", "lost.png"], "INPUT: there is no file"),
    "invoke": ("local.invoke", ["lost.json"], "EVENT: there is no file"),
    "s3": ("local.s3", ["--input", "lost.png"], "INPUT: there is no file"),
    "smoke": ("operate.smoke", ["uploads", "--input", "lost.png"], "INPUT: there is no file"),
    "sweep": ("operate.sweep", ["uploads", "--rate", "fast"], "RATE: must be above 0, not fast"),
    "status": ("operate.status", [], "the following arguments are required: stack"),
    "destroy": ("operate.destroy", [], "the following arguments are required: stack"),
    "bench-sweep": ("bench.sweep", ["many"], "UPLOADS: must be 1 or more, not many"),
    "bench-backfill": ("bench.backfill", ["--rate", "fast"], "RATE: must be above 0, not fast"),
    "cost": ("economics.__main__", ["cost", "--mode", "x"], "argument --mode: invalid choice"),
}


@pytest.mark.parametrize("target", WRONG)
def test_a_wrong_argument_is_refused_in_the_words_of_make(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options are named as such only where make hands them on as ARGS."""
    module, arguments, said = WRONG[target]
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(module).main(arguments)
    usage, error = capsys.readouterr().err.split(f"make {target}: error: ")
    assert usage.startswith(f"usage: make {target} ")
    assert error.startswith(said)
    named = set(re.findall(r"([A-Z]\w*)=", usage))
    recipe = re.search(rf"^{target}:.*\n(?:\t.*\n)+", MAKEFILE, re.MULTILINE)
    assert recipe
    # By the environment.
    handed_on = {*re.findall(r"^AS_TYPED = (.*)", MAKEFILE, re.MULTILINE)[0].split()}
    assert named <= {*re.findall(r"\((?:if \$\()?([A-Z_]+)\)", recipe[0]), *handed_on}


MAKEFILE = (paths.ROOT / "Makefile").read_text()


def test_who_imports_a_package_without_types_is_told_how_to_go_on(tmp_path: Path) -> None:
    """With programs in the place of the real ones, of which the one for types finds something."""
    for name in ("ruff", "cfn-lint", "mypy"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n[ {name} != mypy ]\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["make", "--old-file=setup", "lint", f"DEV={tmp_path}"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "tool.mypy.overrides of pyproject.toml" in done.stderr
