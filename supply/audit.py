"""Known weaknesses of what is pinned, as far as the package index knows them.

pip-audit asks PyPI's JSON interface, which mirrors often lack, and calls a package that it could
not look up no more than skipped, and the result clean. Here it is not. Exit codes: 0 every package
was looked up and has no known weakness, 1 one has, 2 some could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import pins

PIP_AUDIT = pins.ENVIRONMENTS / "supply" / "bin" / "pip-audit"


def ask(files: Sequence[Path]) -> list[dict[str, Any]]:
    """What pip-audit says of each package in the files. Raises RuntimeError if it says nothing."""
    command = [str(PIP_AUDIT), "--require-hashes", "--disable-pip", "--format=json"]
    command += ["--vulnerability-service=pypi", "--progress-spinner=off"]
    command += [f"--requirement={file}" for file in files]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        raise RuntimeError(f"pip-audit: exit code {ran.returncode}: {ran.stderr[-500:]}") from None
    return found


def report(found: Sequence[dict[str, Any]]) -> int:
    """Print what was found; gives the exit code."""
    unknown = [package for package in found if "skip_reason" in package]
    weak = [package for package in found if package.get("vulns")]
    for package in weak:
        for each in package["vulns"]:
            fixed = ", ".join(each["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {each['id']}, fixed in {fixed}")
    for package in unknown:
        print(f"{package['name']}: not looked up: {package['skip_reason']}")
    looked_up = len(found) - len(unknown)
    print(f"{looked_up} of {len(found)} packages looked up, {len(weak)} with known weaknesses")
    if unknown or not found:
        print("NOT AUDITED: the package index does not say what is known of all of them")
    return 1 if weak else 2 if unknown or not found else 0


def main(arguments: Sequence[str]) -> int:
    """Audit these files of pins; gives the exit code."""
    try:
        return report(ask([Path(name) for name in arguments]))
    except RuntimeError as error:
        print(f"NOT AUDITED: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
