"""Say what is being done, and how long it takes: a live line on a terminal, else one at the end."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator


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
        print(f" {time.monotonic() - began:.1f} s", flush=True)
