"""The garbage collector, out of the way of what makes objects by the hundred thousand."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """For work whose objects refer to one another in no circles: they go without a collector, and
    its looks at all of them take as long as the work."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
