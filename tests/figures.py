"""Figures that a test run prints at its end, for the README: seeds, counts, seconds.

A folder's conftest.py takes both names from here.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

_lines: list[str] = []


@pytest.fixture(scope="session")
def figure() -> Callable[[str], None]:
    """Print a line at the end of the run, whatever is captured."""
    return _lines.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("figures")
    while _lines:  # several folders bring this hook along
        terminalreporter.write_line(_lines.pop(0))
