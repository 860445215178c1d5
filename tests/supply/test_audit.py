"""The audit: what could not be looked up is never called clean."""

import json
from pathlib import Path
from typing import Any

import pytest

from supply import audit, pins

CLEAN = {"name": "pillow", "version": "13.0.0", "vulns": []}
WEAK = {
    "name": "pillow",
    "version": "8.0.0",
    "vulns": [
        {"id": "PYSEC-2021-137", "fix_versions": ["8.2.0"], "aliases": [], "description": ""}
    ],
}
NOT_LOOKED_UP = {"name": "awscrt", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        ([CLEAN], 0, "1 of 1 packages looked up, 0 with known weaknesses"),
        ([CLEAN, WEAK], 1, "pillow 8.0.0: PYSEC-2021-137, fixed in 8.2.0"),
        ([CLEAN, NOT_LOOKED_UP], 2, "awscrt: not looked up"),
        ([NOT_LOOKED_UP], 2, "NOT AUDITED"),
        ([WEAK, NOT_LOOKED_UP], 1, "NOT AUDITED"),
        ([], 2, "NOT AUDITED"),
    ],
)
def test_what_was_found(
    found: list[dict[str, Any]], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.report(found) == code
    assert says in capsys.readouterr().out


def test_an_index_that_returns_nothing_is_no_clean_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the real tool, with a proxy that nobody is behind."""
    if not audit.PIP_AUDIT.exists():
        pytest.skip("no environment for it: make build/env/supply/.installed")
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    assert audit.main([str(pins.LAYER)]) == 2
    said = capsys.readouterr()
    assert "NOT AUDITED" in said.out + said.err


def test_weaknesses_are_read_though_the_tool_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As pip-audit does when it finds any."""
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\necho '{json.dumps({'dependencies': [WEAK]})}'\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr(audit, "PIP_AUDIT", tool)
    assert audit.main([str(pins.LAYER)]) == 1
    assert "PYSEC-2021-137" in capsys.readouterr().out
