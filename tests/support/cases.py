"""A table inside one test: for rows that have the same reason to be there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

Test = Callable[..., None]


def in_turn(names: str, rows: Iterable[Any]) -> Callable[[Test], Test]:
    """Call the test with one row after another; a failure names its row.

    `names` and `rows` are those of `pytest.mark.parametrize`, which makes a case of each row. The
    other parameters are fixtures, made once for all rows.
    """
    of_row, table = names.replace(",", " ").split(), list(rows)
    assert table, "a test without rows shows nothing"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def loop(*bound: Any, **fixtures: Any) -> None:
            for row in table:
                values = row if len(of_row) > 1 else (row,)
                try:
                    test(*bound, **fixtures, **dict(zip(of_row, values, strict=True)))
                except BaseException as error:
                    error.add_note(f"with {names} = {row!r}")
                    raise

        signature = inspect.signature(test)
        others = [one for one in signature.parameters.values() if one.name not in of_row]
        loop.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        del loop.__wrapped__
        return loop

    return decorate
