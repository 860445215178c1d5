"""Run the job on every file of a folder, one after the other, and print how it went.

    python -m tests.hostile.eat FOLDER PROCESSOR MAX_PIXELS MEMORY_MIB MAX_SECONDS

One line of JSON: the outcome and the reason by the file's name, and the greatest memory of a job in
MiB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from processing import job
from processing.events import Upload
from processing.settings import Settings
from processing.supervisor import Supervisor

from tests.support.memory_store import MemoryStore


def main(
    folder: str, processor_name: str, max_pixels: str, memory_mib: str, max_seconds: str
) -> None:
    environment = {"PATH": os.defpath, "MAX_PIXELS": max_pixels, "PYTHONWARNINGS": "error"}
    processor = Supervisor(processor_name, (), environment, int(memory_mib), lambda line: None)
    settings = Settings(processor, memory_mib=int(memory_mib), max_seconds=int(max_seconds))
    outcomes = {}
    for path in sorted(Path(folder).iterdir()):
        store = MemoryStore()
        key = f"input/{path.name}"
        store.upload(key, path.read_bytes())
        report = job.run(Upload(store.name, key), store, settings, log=lambda line: None)
        outcomes[path.name] = [report.outcome, report.reason]
    processor.close()
    greatest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(json.dumps({"outcomes": outcomes, "greatest": greatest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
