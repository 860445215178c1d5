"""How often EventBridge tries, and when it gives up: the rule alone, without time.

Which responses it tries again is as in local/emulator/eventbridge_to_ecs.py, but for one: a RunTask
that returns 200 and `failures[]` was delivered, as far as EventBridge is concerned. Users
report it so (https://github.com/paradisec-archive/nabu/pull/1260 and
https://github.com/aws/containers-roadmap/issues/1705); AWS's documentation says nothing of it.

That it tries again what is throttled is assumed, too: documented are 429 and 5xx, and ECS and SQS
throttle with 400. If it does not, that is a dead letter at once.
"""

from __future__ import annotations

from enum import Enum

from .limits import EVENT_AGE, EVENT_RETRIES


class Response(Enum):
    """What RunTask, or a queue, says to an attempt."""

    TAKEN = "taken"
    REFUSED = "refused"
    """429, 5xx."""
    THROTTLED = "throttled"
    """ThrottlingException, RequestThrottled: 400."""
    NO_ROOM = "no room"
    """200, and `failures[]` instead of a task."""


class Next(Enum):
    """What becomes of an event after an attempt."""

    DELIVERED = "delivered"
    AGAIN = "again"
    DEAD_LETTER = "dead letter"
    DROPPED = "dropped"
    """Nobody hears of it; the sweep finds the upload."""


def after(
    response: Response,
    retries: int,
    age: float,
    most_retries: float = EVENT_RETRIES.value,
    most_age: float = EVENT_AGE.value,
    retries_no_room: bool = False,
    retries_throttled: bool = True,
) -> Next:
    """After an attempt that was the so many-th retry, of an event so many seconds old."""
    if response is Response.TAKEN:
        return Next.DELIVERED
    if response is Response.NO_ROOM and not retries_no_room:
        return Next.DROPPED
    if response is Response.THROTTLED and not retries_throttled:
        return Next.DEAD_LETTER
    return Next.DEAD_LETTER if retries >= most_retries or age >= most_age else Next.AGAIN
