"""Say what is being done, and how long it takes: a live line on a terminal, else one at the end."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator


def duration(seconds: float) -> str:
    """As people say it: minutes from two of them on, and so on."""
    for name, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.1f} s"


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is being done while the block runs."""
    began = time.monotonic()
    done = threading.Event()
    live = sys.stdout.isatty()

    def show() -> None:
        while not done.wait(0.1):
            print(f"\r{what} ... {time.monotonic() - began:.0f} s", end="", flush=True)

    shower = threading.Thread(target=show, daemon=True)
    if live:
        shower.start()
    else:
        print(f"{what} ...", end="", flush=True)
    try:
        yield
    finally:
        done.set()
        if live:
            shower.join()
            print(f"\r{what} ...", end="")
        print(f" {duration(time.monotonic() - began)}", flush=True)
