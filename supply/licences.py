"""The licence of every package of every environment, judged by licences.toml.

pip-licenses reads what the metadata say: an SPDX expression (PEP 639), classifiers or a word. Ours
is the judgement, which it has only by name: a choice needs one allowed licence, a sum all of them,
and what is decided by hand holds in certain environments only. Exit codes: 0 all are allowed or
decided, 1 one is not, or is unknown.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from license_expression import ExpressionError, Licensing

from tooling import own_job, paths

from .pins import normal

ENVIRONMENTS = paths.BUILD / "env"
PIP_LICENSES = ENVIRONMENTS / "supply" / "bin" / "pip-licenses"
POLICY = Path(__file__).with_name("licences.toml")


class Package(NamedTuple):
    """One of an environment, and what it says of its licence."""

    name: str
    environment: str
    said: str


@functools.cache
def installed() -> list[Package]:
    """All that `make` installs here; what is pinned for other platforms alone is not."""
    found = []
    for environment in sorted(path.parent.parent for path in ENVIRONMENTS.glob("*/bin/python")):
        command = [str(PIP_LICENSES), f"--python={environment / 'bin' / 'python'}"]
        command += ["--from=mixed", "--with-system", "--format=json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for each in json.loads(done.stdout):
            found.append(Package(normal(each["Name"]), environment.name, each["License"]))
    return found


class Policy:
    def __init__(self, file: Path = POLICY) -> None:
        policy = tomllib.loads(file.read_text())
        self.allowed, self.names = {*policy["allowed"]}, policy["names"]
        self.decided = policy["decided"]

    def problem(self, package: Package) -> str | None:
        """What is wrong with its licence, if anything is."""
        if decision := self.decided.get(package.name):
            environments = decision.get("only", [package.environment])
            decided = package.environment in environments
            return None if decided else f"not decided for {package.environment}"
        return None if self.allows(package.said) else "not allowed, or unknown"

    def allows(self, said: str) -> bool:
        """Several classifiers count as all of them: whether they are a choice is not said."""
        named = [name for each in said.split("; ") if (name := self.names.get(each, each))]
        licensing = Licensing()
        try:
            parsed = licensing.parse(" AND ".join(f"({name})" for name in named))
        except ExpressionError:
            return False
        if parsed is None:
            return False
        values = {
            symbol: licensing.TRUE if str(symbol) in self.allowed else licensing.FALSE
            for symbol in parsed.symbols
        }
        return bool(parsed.subs(values, simplify=True) == licensing.TRUE)


def main(policy: Policy | None = None) -> int:
    """Print them all, what is wrong last; gives the exit code."""
    policy, where = policy or Policy(), dict[tuple[str, str], list[str]]()
    packages = installed()
    for package in packages:
        where.setdefault((package.name, package.said), []).append(package.environment)
    for (name, said), environments in sorted(where.items()):
        print(f"{name:32} {said:48} {' '.join(environments)}")
    wrong = {package: problem for package in packages if (problem := policy.problem(package))}
    print(f"\n{len(where)} licences, {len(wrong)} to look at")
    for name, decision in policy.decided.items():
        if only := decision.get("only"):
            print(f"  by decision, in {' '.join(only)} only: {name}: {decision['why']}")
    for package, problem in wrong.items():
        print(f"  {package.name}: {package.said}: {problem}", file=sys.stderr)
    if wrong:
        print(how_to_go_on(next(iter(wrong))), file=sys.stderr)
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


def how_to_go_on(wrong: Package) -> str:
    """What to write where, once its licence has been read and is right for you."""
    return f"""
Read the licence. If it is right for you, decide so in supply/{POLICY.name}, such as

[decided.{wrong.name}]
only = ["{wrong.environment}"]
why = "..."

Else choose another package."""


if __name__ == "__main__":
    sys.exit(main())
