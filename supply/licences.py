"""The licence of every pinned package of every environment.

A package's metadata say it, as an SPDX expression (PEP 639), a classifier or a word; what they
leave open is decided in licences.toml, beside the reason. So is what is not allowed and yet there,
for certain environments only: these exceptions are named at the end. Exit codes: 0 all are allowed
or decided, 1 one is not, or is unknown.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, LicenseExpression, Licensing

from tooling import own_job

from . import pins

DECISIONS = Path(__file__).with_name("licences.toml")

# Those that ask for no more than being named, and MPL-2.0, which asks for changes to its own files.
ALLOWED = frozenset(
    {
        *("0BSD", "AFL-2.1", "Apache-2.0", "Artistic-1.0-Perl", "BSD-2-Clause", "BSD-3-Clause"),
        *("CC0-1.0", "CNRI-Python", "ISC", "LicenseRef-public-domain", "MIT", "MIT-0", "MIT-CMU"),
        *("MPL-2.0", "PSF-2.0", "Zlib"),
    }
)

SPDX = {
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""The older names. BSD may mean two or three clauses: both are allowed."""

NO_LICENCES = ("DFSG approved", "Freely Distributable", "OSI Approved")
"""Classifiers that praise a licence without naming it."""


class Unknown(Exception):
    """The metadata do not say what the licence is."""


@dataclass(frozen=True)
class Finding:
    """A package, its licence, and what is wrong with that, if anything is."""

    package: str
    environments: tuple[str, ...]
    licence: str
    problem: str | None = None


def licence_of(distribution: Distribution) -> str:
    """What the metadata say, as an SPDX expression. Raises Unknown.

    Several classifiers count as all of them at once: whether they are a choice is not said.
    """
    metadata = distribution.metadata
    if expression := metadata["License-Expression"]:
        return str(expression)
    classifiers = [
        classifier.rsplit(" :: ", 1)[-1]
        for classifier in metadata.get_all("Classifier") or []
        if classifier.startswith("License :: ")
    ]
    named = [name for name in classifiers if name not in NO_LICENCES]
    word = (metadata["License"] or "nothing").strip().split("\n")[0]
    said = " AND ".join(f"({SPDX.get(name, name)})" for name in sorted(named or [word]))
    try:
        parsed = _parsed(said)
    except Unknown:
        raise Unknown("; ".join(named or [word])) from None
    if unknown := {str(symbol) for symbol in parsed.symbols} - {*ALLOWED, *SPDX.values()}:
        raise Unknown("; ".join(sorted(unknown)))
    return str(parsed)


def _parsed(expression: str) -> LicenseExpression:
    try:
        return Licensing().parse(expression, validate=False, strict=True)
    except ExpressionError as error:
        raise Unknown(expression) from error


def is_allowed(expression: str) -> bool:
    """Whether the allowed licences are enough: of a choice one, of a sum all. Raises Unknown."""
    parsed = _parsed(expression)
    constants = Licensing()
    values = {
        symbol: constants.TRUE if str(symbol) in ALLOWED else constants.FALSE
        for symbol in parsed.symbols
    }
    return bool(parsed.subs(values, simplify=True) == constants.TRUE)


def judge(name: str, environments: Iterable[str], said: str | Unknown) -> Finding:
    """What is decided by hand goes before what the metadata say."""
    where = tuple(sorted(environments))
    decision = decisions().get(name)
    if not decision:
        if isinstance(said, Unknown):
            return Finding(name, where, str(said), f"unknown: decide it in {DECISIONS.name}")
        return Finding(name, where, said, None if is_allowed(said) else "not allowed")
    licence = decision["licence"]
    if "only" not in decision:
        return Finding(name, where, licence, None if is_allowed(licence) else "not allowed")
    others = {*where} - {*decision["only"]}
    problem = f"not decided for {', '.join(sorted(others))}" if others else None
    return Finding(name, where, licence, problem)


@functools.cache
def decisions() -> dict[str, dict[str, Any]]:
    """What licences.toml says, by package."""
    return tomllib.loads(DECISIONS.read_text())


def findings() -> Iterator[Finding]:
    """One for each package and licence, of what is pinned. Environments must be installed."""
    where: dict[tuple[str, str], set[str]] = {}
    unknown: dict[tuple[str, str], Unknown] = {}
    for file in pins.files():
        installed = {pins.normal(each.name): each for each in pins.installed(environment_of(file))}
        for pin in pins.read(file):
            try:
                said = licence_of(installed.get(pin.name) or _elsewhere(pin))
            except Unknown as error:
                said = str(error)
                unknown[pin.name, said] = error
            where.setdefault((pin.name, said), set()).add(file.stem)
    for (name, said), environments in sorted(where.items()):
        yield judge(name, environments, unknown.get((name, said), said))


def environment_of(file: Path) -> str:
    """Where the packages of a file are installed; those of worker/ are in dev, too."""
    return file.stem if file.parent.name == "requirements" else "dev"


def _elsewhere(pin: pins.Pin) -> Distribution:
    """A package that one environment does not need on this machine may lie in another one."""
    for each in pins.installed("*") if pin.marker else ():
        if pins.normal(each.name) == pin.name:
            return each
    raise Unknown("not installed here")


def exceptions(found: Iterable[Finding]) -> list[Finding]:
    """What is not allowed, and passes by decision."""
    return [each for each in found if not each.problem and not is_allowed(each.licence)]


def main() -> int:
    """Print them all, what is wrong last; gives the exit code."""
    found = list(findings())
    for finding in found:
        print(f"{finding.package:32} {finding.licence:48} {' '.join(finding.environments)}")
    wrong = [finding for finding in found if finding.problem]
    print(f"\n{len(found)} licences in {len(pins.files())} files of pins, {len(wrong)} to look at")
    for finding in exceptions(found):
        why = decisions()[finding.package]["why"]
        where = " ".join(finding.environments)
        print(f"  by decision, in {where} only: {finding.package}, {finding.licence}: {why}")
    for finding in wrong:
        print(f"  {finding.package}: {finding.licence}: {finding.problem}", file=sys.stderr)
    if wrong:
        print(how_to_go_on(wrong[0]), file=sys.stderr)
    for line in of_the_users_job(own_job.folder(os.environ)):
        print(line)
    return 1 if wrong else 0


def of_the_users_job(folder: Path | None) -> Iterator[str]:
    """What a job of the user's own asks for: theirs to judge, and not shipped."""
    if not folder:
        return
    yield f"\nAsked for by {folder}, and not judged here:"
    for name, what in (("requirements.txt", "from the package index"), ("packages.txt", "Debian")):
        file = folder / name
        for line in file.read_text().splitlines() if file.exists() else ():
            if asked := line.split("#")[0].strip().rstrip("\\ "):
                yield f"  {asked} ({what})"


def how_to_go_on(wrong: Finding) -> str:
    """What to write where, once its licence has been read and is right for you."""
    return f"""
Read the licence. If it is right for you, decide so in supply/{DECISIONS.name}, such as

[{wrong.package}]
licence = "..."  # an SPDX expression: https://spdx.org/licenses
only = {json.dumps(wrong.environments)}
why = "..."

Else choose another package."""


if __name__ == "__main__":
    sys.exit(main())
