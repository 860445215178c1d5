"""The container's entry point, and then the most memory that it had: its own and its runner's.

    S3_BUCKET=... S3_KEY=... python -m bench.transfer_probe

Prints the bytes, after the job's own line.
"""

from __future__ import annotations

import os
import sys

from processing import __main__ as entry_point
from processing import processes

from .peak import highest

code = entry_point.main([])
print(sum(map(highest, [os.getpid(), *processes.children(os.getpid())])))
sys.exit(code)
