"""What ministack lacks, link by link, and the private names of ministack that each one needs.

The names are private to ministack, so its version is pinned, and each is checked before any link
is applied: a name that went or whose parameters changed stops the emulator with a clear message
instead of dropping events in silence.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class PatchPoint:
    """One private name of ministack, and the parameters that we pass or wrap."""

    module: ModuleType | type
    name: str
    parameters: tuple[str, ...] | None = None
    """The first parameters, by name; None when it is not a function."""

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        full = f"{self.module.__name__}.{self.name}"
        if not hasattr(self.module, self.name):
            return f"{full} does not exist"
        if self.parameters is None:
            return None
        found = tuple(inspect.signature(getattr(self.module, self.name)).parameters)
        if found[: len(self.parameters)] != self.parameters:
            return f"{full} takes ({', '.join(found)}), not ({', '.join(self.parameters)}, ...)"
        return None


@dataclass(frozen=True)
class Link:
    """Something that AWS does and ministack does not."""

    what: str
    patch_points: tuple[PatchPoint, ...]
    apply: Callable[[], None]

    def problems(self) -> list[str]:
        """Each patch point that is not as it must be."""
        return [f"{problem} ({self.what})" for p in self.patch_points if (problem := p.problem())]


def check(links: Iterable[Link]) -> list[str]:
    """All problems of all links."""
    return [problem for link in links for problem in link.problems()]
