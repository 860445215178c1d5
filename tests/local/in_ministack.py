"""Programs that run where the emulator does, in ministack's own environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tooling import paths

FUNCTION = """
import io, zipfile

def function(code):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", code)
    config = {
        "FunctionName": "f", "Runtime": "python3.12", "Handler": "app.handler", "Timeout": 90,
        "MemorySize": 128, "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
    }
    return {"config": config, "code_zip": packed.getvalue()}
"""
"""What a program begins with that makes a function, as ministack keeps it, of its code."""


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
