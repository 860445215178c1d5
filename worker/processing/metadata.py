"""The metadata of results: what a job says of one, and what the uploader said of the upload.

`source-version` and `job-version` are an interface: applications go by them (docs/RESULTS.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SOURCE_VERSION = "source-version"
"""The version of the upload that a result is for (store.Bucket.head)."""
JOB_VERSION = "job-version"
"""The deployment's JobVersion that made a result; missing where that was empty."""
GAVE_UP = "gave-up"
"""Only a rejection after MaxAttempts has it."""
RUN = "run"
"""The run whose files a manifest names; only a manifest has it."""

_OURS = {SOURCE_VERSION, JOB_VERSION, GAVE_UP, RUN}
_MOST_BYTES = 2048
"""Of all names and values (S3 user guide, "Working with object metadata"). Whether a name counts
with its `x-amz-meta-` is not documented: it does here."""
_NAME, _VALUE = re.compile("[!-~]+"), re.compile("[ -~]*")


def of_result(version: str, job_version: str) -> dict[str, str]:
    """What each result says of itself."""
    return {SOURCE_VERSION: version, **({JOB_VERSION: job_version} if job_version else {})}


def with_users(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Ours, and of the upload's as many as fit, by the order of their names.

    Never one of our names: an output of another stack may be an upload here.
    """
    room = _MOST_BYTES - sum(map(_size, ours.items()))
    carried = {}
    for name, value in sorted(theirs.items()):
        usable = name not in _OURS and _NAME.fullmatch(name) and _VALUE.fullmatch(value)
        size = _size((name, value))
        if usable and size <= room:
            carried[name] = value
            room -= size
    return {**ours, **carried}


def _size(item: tuple[str, str]) -> int:
    return len("x-amz-meta-") + sum(map(len, item))
