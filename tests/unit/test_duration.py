"""How commands say how long something takes."""

from __future__ import annotations

import pytest

from tooling.progress import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (119.9, "119.9 s"),
        (120, "2.0 min"),
        (5400, "90.0 min"),
        (7200, "2.0 h"),
        (2 * 86_400, "2.0 d"),
    ],
)
def test_a_larger_unit_is_used_from_two_of_it_on(seconds: float, said: str) -> None:
    assert duration(seconds) == said
