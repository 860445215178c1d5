"""The table inside a test: no row is left out, and a failure says which row it was."""

from __future__ import annotations

import inspect

import pytest

from tests.support.cases import in_turn


def test_every_row_is_tried_beside_the_fixtures() -> None:
    seen = []

    @in_turn("one, other", [(1, 2), (3, 4)])
    @in_turn("key", ["a", "b"])
    def tried(one: int, key: str, other: int, fixture: str) -> None:
        seen.append((one, other, key, fixture))

    assert [*inspect.signature(tried).parameters] == ["fixture"]
    tried(fixture="f")
    assert seen == [(1, 2, "a", "f"), (1, 2, "b", "f"), (3, 4, "a", "f"), (3, 4, "b", "f")]


def test_a_failure_names_its_row() -> None:
    @in_turn("value", [1, 2, 3])
    def fails(value: int) -> None:
        assert value != 2

    with pytest.raises(AssertionError) as failure:
        fails()
    assert failure.value.__notes__ == ["with value = 2"]


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(AssertionError, match="without rows"):
        in_turn("value", [])
