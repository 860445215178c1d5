"""A warm function: the handler again and again, in one process with one runner.

    S3_BUCKET=... S3_KEY=... python warm_probe.py APP KEY...

APP is the folder of the function; the first KEY warms it, and S3_KEY is the last one. Prints the
seconds of each as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from types import SimpleNamespace

sys.path.insert(0, sys.argv[1])

import app

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
seconds = []
for key in [*sys.argv[2:], os.environ["S3_KEY"]]:
    entity = {"bucket": {"name": os.environ["S3_BUCKET"]}, "object": {"key": key}}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}
    began, log = time.perf_counter(), StringIO()
    with redirect_stdout(log):
        app.handler({"Records": [record]}, CONTEXT)
    seconds.append(time.perf_counter() - began)
    assert json.loads(log.getvalue())["outcome"] == "succeeded", log.getvalue()
print(json.dumps(seconds))
