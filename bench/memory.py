"""How much memory a job takes, in a process of its own.

    python -m bench.memory {job|codec} FILE

prints the bytes by which the process grew, at its largest, above the interpreter with the job's
modules imported. Both files, the picture and the output, are part of it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from processing import maze, picture

from . import ROOT
from .peak import highest


def peak(what: str, file: Path) -> int:
    """The bytes, measured in a fresh process."""
    command = [sys.executable, "-m", "bench.memory", what, str(file)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout)


def main(what: str, file: Path) -> None:
    before = highest()
    body = file.read_bytes()
    if what == "job":
        maze.solve(body, "")
    else:
        picture.write(picture.read(body))
    print(highest() - before)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
