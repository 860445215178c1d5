"""What goes into the calculator, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from economics.figures import Wrong
from economics.work import Job, Stack, sizes


def test_seconds_a_mib_are_those_of_all_large_pictures_together(tmp_path: Path) -> None:
    def picture(side: int, mib: int, seconds: float) -> dict[str, float]:
        return {"width": side, "height": side, "file_bytes": mib * 2**20, "job": seconds}

    report = {
        "pictures": [picture(100, 1, 100.0), picture(2000, 1, 3.0), picture(2000, 3, 1.0)],
        "cold_start": {"parts": {"interpreter": 1, "imports": 2, "client": 3, "solve": 9}},
        "machine": {"processors": 2, "python": "3"},
        "quick": True,
    }
    (tmp_path / "bench.json").write_text(json.dumps(report))
    measured = Job.load(tmp_path / "bench.json")
    assert (measured.seconds_per_mib, measured.start_seconds) == (1.0, 6)


@pytest.mark.parametrize("text", ["", "1", "1:50", "1:50,2:60", "0:100", "a:100", "1:-1,1:101"])
def test_sizes_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(Wrong, match="sizes are"):
        sizes(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_source": "cloudtrail"},
        {"mode": "hybrid", "event_source": "cloudtrail"},
        {"spot": True},
        {"max_tasks": 5},
    ],
)
def test_stacks_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        Stack(**wrong)
