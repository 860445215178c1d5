"""Which folder of tools may hang on which: only `local` and `bench` need the emulator."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "tooling": set(),
    "mazes": set(),
    "local": {"tooling", "mazes"},
    "operate": {"tooling", "mazes"},
    "economics": {"tooling", "operate"},
    "supply": {"tooling"},
    "bench": {"tooling", "mazes", "local"},
}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


def test_a_room_imports_no_other_than_it_may() -> None:
    for room, allowed in MAY_IMPORT.items():
        files = list((ROOT / room).rglob("*.py"))
        assert files, room
        found = {name for file in files for name in imported(file)} & MAY_IMPORT.keys()
        assert found - {room} <= allowed, f"{room} imports {found - {room} - allowed}"
