"""The Lambda door: an S3 notification or an EventBridge event in, one job for each upload."""

from __future__ import annotations

import os
from typing import Any

from processing import events, job, settings
from processing.errors import Failed
from processing.store import Bucket

SETTINGS = settings.from_environment(os.environ)


def handler(event: dict[str, Any], context: object) -> None:
    """Do all jobs of the event; then raise if any failed, so that Lambda sends the event again.

    The jobs that did not fail end as `unchanged` the second time.
    """
    failures: list[Exception] = []
    for upload in events.from_event(event, SETTINGS.input_prefix):
        try:
            job.run(upload, Bucket(upload.bucket), SETTINGS)
        except Exception as error:  # one upload's failure must not stop its neighbours' jobs
            failures.append(error)
    if failures:
        raise Failed("; ".join(map(str, failures))) from ExceptionGroup("jobs", failures)
