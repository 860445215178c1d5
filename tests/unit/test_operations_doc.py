"""docs/OPERATIONS.md: each row of its tables has a test that produces the symptom.

A comment at the row's end names it, which the page does not show. Tests without a folder are in
tests/local and run on the embedded AWS.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/OPERATIONS.md").read_text()
TABLE = TEXT.split("## From symptom to action")[1].split("\n## ")[0]
ROWS = [
    line
    for line in TABLE.splitlines()
    if line.startswith("|") and not line.startswith(("| symptom |", "| --- |"))
]


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:60] for row in ROWS])
def test_each_row_names_tests_that_exist(row: str) -> None:
    cells = row.strip().strip("|").split("|")
    assert len(cells) == 3
    (comment,) = re.findall(r"<!-- (.*) -->$", cells[2].strip())
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", comment)
    assert named
    for file, test in named:
        path = ROOT / "tests" / file if "/" in file else ROOT / "tests/local" / file
        functions = {n.name for n in ast.walk(ast.parse(path.read_text())) if hasattr(n, "name")}
        assert test in functions


def test_the_table_has_all_sources_of_failures() -> None:
    for source in ("task", "function", "launch", "sweep", "topic"):
        assert f"`source` `{source}`" in TABLE
