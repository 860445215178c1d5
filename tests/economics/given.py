"""What several tests of the calculator start from."""

from __future__ import annotations

from economics import document
from economics.work import Job, Work, sizes

TEXT = document.FILE.read_text()
INSTANT = Job(seconds_per_mib=0, start_seconds=0)
WORK = Work(1e6, sizes("1:100"), INSTANT)
