"""The job that the user chooses by the environment: a folder to build with, and parameters.

Never by text that make or a shell reads: a command has quotes, dollars and braces of its own.
`make` hands on what was typed, for the names here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = "JOB"
PARAMETERS = {
    "PROCESSOR": "Processor",
    "COMMAND": "Command",
    "OUTPUT_SUFFIX": "OutputSuffix",
    "JOB_ENVIRONMENT": "JobEnvironment",
}
"""The template's parameters, by the variables that choose them."""


class NoFolder(Exception):
    """JOB names no folder."""


def folder(environment: Mapping[str, str]) -> Path | None:
    """Where the job is; None for those that ship. Raises NoFolder."""
    if not (name := environment.get(FOLDER)):
        return None
    path = Path(name).resolve()
    if not path.is_dir():
        raise NoFolder(f"{FOLDER}: there is no folder {name!r} (in {Path.cwd()})")
    return path


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of PARAMETERS that are chosen."""
    return {name: environment[name] for name in PARAMETERS if environment.get(name)}


def parameters(environment: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters that are chosen."""
    return {PARAMETERS[name]: value for name, value in variables(environment).items()}


def for_sam(chosen: Mapping[str, str]) -> str:
    """The contents of a file of parameters for `sam deploy`, which takes its address among
    --parameter-overrides: file://....yaml.

    SAM takes quotes around a value away, and backslashes before blanks and quotes (compare
    aws-sam-cli#3508): in a file twice, so there are two of each more here.
    """
    return json.dumps({name: _escaped(_escaped(value)) for name, value in chosen.items()})


def main() -> int:
    """Print that file for what this environment chooses; gives the exit code."""
    print(for_sam(parameters(os.environ)))
    return 0


def _escaped(value: str) -> str:
    for character in " \"'":
        value = value.replace(character, f"\\{character}")
    return f'"{value}"'


if __name__ == "__main__":
    sys.exit(main())
