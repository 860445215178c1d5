"""The tools of `make licences`, `make sbom` and `make audit`, which `make test` installs."""

from __future__ import annotations

from pathlib import Path

from tooling import paths

ENVIRONMENT = paths.BUILD / "env" / "supply"


def tool(name: str) -> Path:
    """Where it is. It fails the test that has none, with the remedy: any machine can have it."""
    found = ENVIRONMENT / "bin" / name
    assert found.exists(), f"no {name}; run: make build/env/supply/.installed"
    return found
