"""What several tests of the calculator start from."""

from __future__ import annotations

from dataclasses import replace

from economics import documents
from economics.work import SIZES, Job, Work, sizes

TEXT = documents.COST.read_text()
MEASURED = documents.measured()
OURS = Work(1e6, SIZES, MEASURED)
HEAVY = Work(1e6, SIZES, replace(MEASURED, seconds_per_mib=documents.HEAVY))
INSTANT = Job(seconds_per_mib=0, start_seconds=0)
WORK = Work(1e6, sizes("1:100"), INSTANT)
