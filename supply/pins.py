"""What requirements/*.txt and worker/*.txt pin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYER = ROOT / "worker" / "requirements.txt"

_PIN = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[^\s;]+)( ; (?P<marker>.+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class NotPinned(Exception):
    """A line of a requirements file that lets more than one file be installed."""


@dataclass(frozen=True)
class Pin:
    """One version of one package, and the files that it may come as."""

    name: str
    version: str
    marker: str | None
    sha256: tuple[str, ...]


def files() -> list[Path]:
    """All files of pins."""
    return sorted([*ROOT.glob("requirements/*.txt"), *ROOT.glob("worker/*requirements.txt")])


def read(file: Path) -> list[Pin]:
    """The pins of a file that `make lock` wrote. Raises NotPinned."""
    joined = file.read_text().replace("\\\n", " ").splitlines()
    lines = [line.strip() for line in joined]
    return [_pin(file, line) for line in lines if line and not line.startswith("#")]


def _pin(file: Path, line: str) -> Pin:
    requirement, *_ = line.split(" --hash=")
    found = _PIN.fullmatch(requirement.strip())
    hashes = tuple(_HASH.findall(line))
    if not found or not hashes or len(hashes) != line.count("--hash"):
        raise NotPinned(f"{file.name}: {requirement.strip()!r} has no version or no SHA-256")
    return Pin(normal(found["name"]), found["version"], found["marker"], hashes)


def normal(name: str) -> str:
    """The one way to write a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
