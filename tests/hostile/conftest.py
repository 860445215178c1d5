"""What the tests of hostile files share."""

from __future__ import annotations

from figures import figure, pytest_terminal_summary

__all__ = ["figure", "pytest_terminal_summary"]
