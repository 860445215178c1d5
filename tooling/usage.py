"""What a command of `make` says of its arguments: in the words of make, which its users type."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NoReturn


class MakeParser(argparse.ArgumentParser):
    """The options of a target: INPUT=file for --input."""

    def __init__(self, target: str, usage: str, description: str | None) -> None:
        super().__init__(
            prog=f"make {target}",
            usage=f"make {target} {usage}",
            description=(description or "").split("\n")[0],
        )

    def error(self, message: str) -> NoReturn:
        """Name the variable, not the option that make passes it as."""
        said = re.sub(r"^argument (?:--)?([\w-]+)", lambda found: _variable(found[1]), message)
        super().error(said)


def _variable(option: str) -> str:
    return option.upper().replace("-", "_")


def existing_file(name: str) -> Path:
    """An argument that names a file."""
    path = Path(name)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name!r} (in {Path.cwd()})")
    return path
