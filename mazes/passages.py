"""The passages of mazes: right[r, c] joins cell (r, c) to (r, c+1), down[r, c] to (r+1, c).

Where the algorithms come from:
    spanning_tree   the minimum spanning tree over random weights, which is Kruskal's maze (J. Buck,
                    "Mazes for Programmers", 2015), found as Borůvka (1926) did: all components
                    pick their lightest edge at once, so that one round is a few passes of numpy. It
                    has no direction and its paths wind (their length grows as about size to the
                    1.2).
    braid           extra passages out of dead ends (W. D. Pullen, "Think Labyrinth: Maze
                    Algorithms")
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from .chance import Mask, drawn, random

Numbers = npt.NDArray[np.int32]
Passages = tuple[Mask, Mask]


def spanning_tree(rows: int, cols: int, seed: int) -> tuple[Mask, Mask]:
    """The minimum spanning tree of the grid under random weights, after Borůvka."""
    cells = rows * cols
    if 2 * cells >= 2**31:
        raise ValueError(f"{cells} cells are more than 32-bit edge numbers can name")
    # Edge e < cells leads right from cell e, edge cells + e leads down from it. Of an edge only the
    # number is kept; weight and ends are computed from it, piece by piece, whenever they're needed.
    edges = np.arange(2 * cells - cols, dtype=np.int32)
    edges = edges[(edges >= cells) | (edges % cols != cols - 1)]
    component = np.arange(cells, dtype=np.int32)  # of each cell
    components = cells

    def pieces() -> Iterator[tuple[Numbers, Numbers, Numbers]]:
        for start in range(0, edges.size, 2**20):
            edge = edges[start : start + 2**20]
            cell = edge % np.int32(cells)
            beyond = cell + np.where(edge < cells, np.int32(1), np.int32(cols))
            yield edge, component[cell], component[beyond]

    in_tree = np.zeros(2 * cells, np.bool_)
    while edges.size:
        lightest = np.full(components, 2**32 - 1, np.uint32)
        for edge, one, other in pieces():
            weight = random(edge, seed, "weights")
            np.minimum.at(lightest, one, weight)
            np.minimum.at(lightest, other, weight)
        number = np.arange(components, dtype=np.int32)
        parent = number.copy()
        for edge, one, other in pieces():
            weight = random(edge, seed, "weights")
            for near, far in ((one, other), (other, one)):
                picked = np.flatnonzero(lightest[near] == weight)
                in_tree[edge[picked]] = True
                parent[near[picked]] = far[picked]
        # Two that picked each other would point in a circle; all other chains end in such a pair.
        circle = np.flatnonzero((parent[parent] == number) & (number < parent))
        parent[circle] = number[circle]
        while not np.array_equal(parent, grandparent := parent[parent]):
            parent = grandparent
        root = parent == number
        components = int(np.count_nonzero(root))
        component = (np.cumsum(root, dtype=np.int32) - np.int32(1))[parent][component]
        edges = np.concatenate([edge[one != other] for edge, one, other in pieces()])
    return in_tree[:cells].reshape(rows, cols), in_tree[cells:].reshape(rows, cols)


def braid(right: Mask, down: Mask, share: float, seed: int) -> None:
    """Give a share of the dead ends a second way out, in place."""
    rows, cols = right.shape
    ways = right.astype(np.uint8) + down
    ways[:, 1:] += right[:, :-1]
    ways[1:] += down[:-1]
    dead_end = np.flatnonzero(ways == 1).astype(np.int32)
    dead_end = dead_end[drawn(dead_end, share, seed, "braid")]
    row, col = np.divmod(dead_end, np.int32(cols))
    walled = np.stack(
        (
            (col < cols - 1) & ~right[row, col],
            (row < rows - 1) & ~down[row, col],
            (col > 0) & ~right[row, col - 1],
            (row > 0) & ~down[row - 1, col],
        )
    )
    # The walls of a cell drawn in random order: the first that has a cell behind it goes.
    lots = np.stack([random(dead_end, seed, f"way {way}") | np.uint32(1) for way in range(4)])
    choice = np.argmax(lots * walled, axis=0)
    choice[~walled.any(axis=0)] = -1
    for way, (passages, up, left) in enumerate(
        ((right, 0, 0), (down, 0, 0), (right, 0, 1), (down, 1, 0))
    ):
        chosen = choice == way
        passages[row[chosen] - up, col[chosen] - left] = True


def double_spiral(rows: int, cols: int) -> tuple[Mask, Mask]:
    """Two arms, from the top left and the bottom right, that meet in the middle."""
    right, down = np.zeros((rows, cols), np.bool_), np.zeros((rows, cols), np.bool_)
    top, left, bottom, rightmost = 0, 0, rows - 1, cols - 1
    while True:
        # One arm takes this turn's top and right side, the other its bottom and left side.
        right[[top, bottom], left:rightmost] = True
        down[top : bottom - 1, rightmost] = True
        down[top + 1 : bottom, left] = True
        if bottom - top < 2 or rightmost - left < 2:
            down[top:bottom, rightmost] = True
            return right, down
        right[bottom - 1, rightmost - 1] = True
        right[top + 1, left] = True
        top, left, bottom, rightmost = top + 1, left + 1, bottom - 1, rightmost - 1


def comb(rows: int, cols: int) -> Passages:
    """A spine along the top, and teeth down from it: a search is in all of them at once."""
    right, down = dots(rows, cols)
    right[1:] = False
    return right, down


def serpentine(rows: int, cols: int) -> Passages:
    """Rows that are joined at their ends, right and left in turns; out at the bottom right."""
    right, down = dots(rows, cols)
    down[:] = False
    for row in range(rows - 1):
        down[row, -1 if (rows - row) % 2 else 0] = True
    return right, down


def columns(rows: int, cols: int) -> Passages:
    """The same, turned: up and down."""
    right, down = serpentine(cols, rows)
    return down.T, right.T


def dots(rows: int, cols: int) -> Passages:
    """All of them: what is left of the walls are posts."""
    right, down = np.ones((rows, cols), np.bool_), np.ones((rows, cols), np.bool_)
    right[:, -1] = False
    down[-1] = False
    return right, down


PATTERNS: dict[str, Callable[[int, int], Passages]] = {
    "comb": comb,
    "serpentine": serpentine,
    "columns": columns,
    "dots": dots,
}
"""All have a way from the first cell to the last one."""
