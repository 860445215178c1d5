"""What there is to know of one upload: `make status KEY=...` (operate/status.py).

The stack's sweep looks, as it may read what nobody else needs to; ECS says since when a task runs.
The fields are an interface: docs/RESULTS.md.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from . import jobs
from .stacks import Stack

Json = dict[str, Any]

STATES = {
    "not_an_upload": "is no upload of this stack: {reason}",
    "not_there": "is not there: neither an upload nor a result",
    "waiting": "waits for its job, or the function does it now",
    "running": "running, as a task",
    "succeeded": "succeeded",
    "rejected": "rejected: {reason}",
    "failed": "failed: {reason}",
    "cant_start": "can't start: {reason}",
}
"""What the states are called on the screen."""


def show(stack: Stack, key: str, *, as_json: bool) -> int:
    """Print it; gives the exit code. Raises NoStack, ClientError."""
    said = collect(stack, key)
    if as_json:
        print(json.dumps(said, indent=2))
    else:
        # A key may be what no terminal takes.
        print(screen(said, stack).encode(errors="backslashreplace").decode())
    return exit_code(said)


def collect(stack: Stack, key: str) -> Json:
    """What the sweep's function knows, and since when a task runs."""
    said = jobs.ask_the_sweep(stack, {"status": key})
    since = running_since(stack, said) if said["state"] == "running" else None
    return said | {"running_since": since}


def running_since(stack: Stack, said: Json) -> str | None:
    """Since when, by ECS; None where it ended just now, or who asks may not see tasks."""
    try:
        running = jobs.running_tasks(stack)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return None
    upload = (said["bucket"], said["key"])
    return next(
        (each["since"] for each in running if (each["bucket"], each["key"]) == upload), None
    )


def exit_code(said: Json) -> int:
    """1: somebody has to look. 2: a wrong key."""
    if said["state"] == "not_an_upload":
        return 2
    return int(said["state"] in ("failed", "cant_start") or said["gave_up"])


def screen(said: Json, stack: Stack) -> str:
    """The answer for people."""
    lines = [f"s3://{said['bucket']}/{said['key']}"]
    if said["version"]:
        uploaded = said["uploaded"]
        when = f"uploaded {_time(uploaded)}" if uploaded else "the upload itself is gone"
        lines.append(f"  version {said['version']}, {when}")
    reason = said["reason"] or "no reason is kept; see the jobs' log"
    state = STATES[said["state"]].format(reason=reason)
    since = f" since {_time(said['running_since'])}" if said["running_since"] else ""
    lines += [f"  {state}{since}", *_outputs(said)]
    if said["gave_up"]:
        lines.append("  it can be tried again: make sweep GIVEN_UP=1")
    if said["max_attempts"] is not None:  # it has no result
        lines += _tries(said, stack)
    if old := said["outdated"]:
        lines.append(f"  of an earlier upload (version {old['version']}) there is a result:")
        lines += ["  " + line for line in [f"  {old['state']}", *_outputs(old)]]
    return "\n".join(lines)


def _outputs(said: Json) -> list[str]:
    lines = [f"  the manifest is {said['manifest']}"] if said["manifest"] else []
    for each in said["outputs"]:
        lines.append(f"    {each['key']}  {each['size']:,} bytes  {each['content_type']}")
    if more := said["output_count"] - len(said["outputs"]):
        lines.append(f"    and {more:,} more, which the manifest names")
    return lines


def _tries(said: Json, stack: Stack) -> list[str]:
    lines = []
    if said["reason"] and said["state"] in ("waiting", "running"):
        lines.append(f"  its last failure: {said['reason']}")
    made, most = said["attempts"], said["max_attempts"]
    lines.append(f"  attempts of the sweep: {made} of {most}")
    if said["next_try"]:
        last = made >= most
        what = "it is given up" if last else "its job is started again, if it has no result then"
        due = datetime.fromisoformat(said["next_try"])
        when = "" if due <= datetime.now(UTC) else f" from {_time(said['next_try'])} on"
        schedule = stack.parameters.get("SweepSchedule")
        sweep = f"by the next sweep{when} ({schedule})" if schedule else "by make sweep alone"
        lines.append(f"  {what}: {sweep}")
    return lines


def _time(said: str) -> str:
    """To the second, in UTC."""
    return f"{said[:19].replace('T', ' ')} UTC"
