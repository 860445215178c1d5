"""Run the job on every file of a folder, in a process of its own, and print how it went.

    python -m tests.hostile.eat FOLDER MAX_PIXELS MEMORY_MIB MAX_SECONDS

One line of JSON: the outcome and the reason by the file's name, and the greatest memory in MiB
before the first job and after the last.
"""

from __future__ import annotations

import json
import sys
import warnings
from functools import partial
from pathlib import Path

from processing import job, maze
from processing.events import Upload
from processing.settings import Settings

from bench.peak import highest
from tests.support.memory_store import MemoryStore


def main(folder: str, max_pixels: str, memory_mib: str, max_seconds: str) -> None:
    warnings.simplefilter("error")
    settings = Settings(
        processor=partial(maze.solve, max_pixels=int(max_pixels)),
        memory_mib=int(memory_mib),
        max_seconds=int(max_seconds),
    )
    before, outcomes = highest(), {}
    for path in sorted(Path(folder).iterdir()):
        store = MemoryStore()
        key = f"input/{path.name}"
        store.upload(key, path.read_bytes())
        report = job.run(Upload(store.name, key), store, settings, log=lambda line: None)
        outcomes[path.name] = [report.outcome, report.reason]
    print(json.dumps({"outcomes": outcomes, "before": before >> 20, "after": highest() >> 20}))


if __name__ == "__main__":
    main(*sys.argv[1:])
