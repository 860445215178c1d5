"""Programs that run where the emulator does, in ministack's own environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tooling import paths


def run(program: str, *arguments: str, temporary: Path, path: str = os.defpath) -> str:
    """Run it in the project's root, with that directory for temporary files and the commands
    of that path; gives its output."""
    done = subprocess.run(
        [paths.PYTHON_MINISTACK, "-c", program, *arguments],
        cwd=paths.ROOT,
        env={"PATH": path, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
