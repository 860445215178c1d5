"""Figures that a test run prints at its end, for docs/PERFORMANCE.md: seeds, counts, seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

_lines: list[str] = []


@pytest.fixture(scope="session")
def figure() -> Callable[[str], None]:
    """Print a line at the end of the run, whatever is captured."""
    return _lines.append


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs tests for another hands it what is to be printed."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["figures"] = _lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _lines.extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("figures")
    for line in _lines:
        terminalreporter.write_line(line)
