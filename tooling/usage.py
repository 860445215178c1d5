"""What a command of `make` says of its arguments: in the words of make, which its users type."""

from __future__ import annotations

import argparse
import contextlib
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

Reader = Callable[[str], Any]
"""What makes a value of an argument's text."""


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


def checked(kind: Reader, holds: Reader, must: str) -> Reader:
    """A reader that refuses what does not hold, and says what it must be."""

    def read(text: str) -> Any:  # noqa: ANN401, of that kind
        with contextlib.suppress(ValueError):
            if holds(text):
                return kind(text)
        raise argparse.ArgumentTypeError(f"{must}, not {text}")

    return read


# None of them is infinite, or "nan", which compares with nothing.
amount = checked(float, lambda text: 0 <= float(text) < math.inf, "must be 0 or more")
positive = checked(float, lambda text: 0 < float(text) < math.inf, "must be above 0")
count = checked(
    lambda text: int(float(text)), lambda text: 1 <= float(text) < math.inf, "must be 1 or more"
)
