"""The Lambda handler: an S3 notification or an EventBridge event in, one job for each upload."""

from __future__ import annotations

import os
from typing import Any

from processing import clock, events, job, settings
from processing.bucket import Bucket
from processing.errors import BadSetting, Failed, Stopped

SETTINGS = settings.from_environment(os.environ)
MARGIN_SECONDS = 1.0
"""A job ends so long before Lambda would end it, so that it can still say so."""


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401, Lambda's own class
    """Do all jobs of the event; then raise if any failed, so that Lambda sends the event again.

    The jobs that did not fail end as `unchanged` the second time.
    """
    failures: list[BaseException] = []
    seconds = context.get_remaining_time_in_millis() / 1000
    late = Stopped(f"out of time: not done in the {seconds:.0f} s that FunctionTimeout allows")
    with clock.limited(max(seconds - MARGIN_SECONDS, seconds / 2), late):
        for upload in events.from_event(event, SETTINGS.input_prefix, SETTINGS.input_suffix):
            try:
                job.run(
                    upload,
                    Bucket(upload.bucket),
                    SETTINGS,
                    notes=Bucket(SETTINGS.notes_bucket or upload.bucket),
                    reprocess=events.reprocess(event),
                )
            except BadSetting:
                raise  # no upload's fault, and so no attempt: Lambda passes the error's name on
            except Stopped as stopped:
                failures.append(stopped)
                break  # there is no time for others, either
            except Exception as error:  # one upload's failure must not stop its neighbours' jobs
                failures.append(error)
    if failures:
        raise Failed("; ".join(map(str, failures))) from BaseExceptionGroup("jobs", failures)
