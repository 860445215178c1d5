"""The handler of a stack with a concurrency limit: a queue of uploads, whose tasks wait their turn.

All messages of the queue are of one group, so whoever has a batch is alone: what is counted here
stays true while it is acted upon. What can't be started yet goes back, in its order, for as long as
the queue keeps it (14 days); what can't be started at all is reported as EventBridge reports it.
"""

from __future__ import annotations

import functools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cluster import Cluster
from launch_queue import LaunchQueue
from launcher import MARGIN_SECONDS, TOGETHER, Launcher
from places import Places
from processing.bucket import Bucket
from processing.errors import BadSetting
from processing.settings import setting

Json = dict[str, Any]


def handler(event: Json, context: Any) -> Json:  # noqa: ANN401
    """Start the tasks of a batch, and of those behind it; SQS brings back what had no place.

    Raises BadSetting.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    messages, (cluster, queue, notes) = event["Records"], _parts()
    places = Places(notes, context.aws_request_id, seconds)
    ends = time.monotonic() + seconds - MARGIN_SECONDS
    launcher = Launcher(cluster, queue, places, max_tasks(), ends)
    with ThreadPoolExecutor(TOGETHER) as pool:
        left = launcher.launch(messages, pool)
    said = {"started": launcher.started, "reported": launcher.reported, "left": len(left)}
    print(json.dumps({"launch": said}))
    queue.give_back(left)
    # A name that is not of the batch would be a failure of all of it.
    ours = {each["messageId"] for each in messages}
    names = [each["messageId"] for each in left]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names if name in ours]}


def max_tasks() -> int:
    """MAX_TASKS. Raises BadSetting."""
    value = os.environ.get("MAX_TASKS", "")
    if not value.isdecimal() or int(value) < 1:
        raise BadSetting("MAX_TASKS", value, "a number above 0")
    return int(value)


@functools.cache
def _parts() -> tuple[Cluster, LaunchQueue, Bucket]:
    """Made once: clients of boto3 take longer to make than to use."""
    notes = Bucket(setting(os.environ, "NOTES_BUCKET"))
    return Cluster(os.environ), LaunchQueue(os.environ, notes), notes
