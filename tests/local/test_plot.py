"""The benchmark's plot, as matplotlib draws it."""

from __future__ import annotations

from pathlib import Path

from bench.cases import MAZE
from bench.plot import PEER, draw

PICTURE = {"width": 600, "height": 600, "kind": "spiral", "limit": MAZE, "ratio": 1.4}
PICTURE |= {"codec": 0.002, "job": 0.003, "peer": 0.2, "peer_rounds": 5}


def test_each_limit_is_a_line_that_says_what_it_is(tmp_path: Path) -> None:
    report = {"machine": {"pillow": "13", "python": "3.11"}, "pictures": [PICTURE]}
    draw(report, tmp_path / "plot.svg")
    svg = (tmp_path / "plot.svg").read_text()  # matplotlib writes each text as a comment, too
    for said in (PEER, "spiral", "limit: mazes", "limit: every picture", "Python 3.11"):
        assert f"{said} -->" in svg, said
