"""What sets alarms off, as it comes about in time, and what must not.

What the log says is logged by the code itself; what AWS measures is measured as its documentation
says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.support.memory_store import MemoryStore
from tests.template.alarms import HOUR, MINUTE, Series
from tests.template.logged import (
    NoRoom,
    Nothing,
    cant_start_lines,
    failure_lines,
    given_up_lines,
    job_lines,
    sweep_lines,
)
from tests.template.metrics import measured
from tests.template.synthesis import synthesize


def every(minutes: float, value: float = 1, *, hours: float = 2) -> Series:
    """A measurement by AWS, from the first minute on."""
    return [(i * minutes * MINUTE, value) for i in range(int(hours * 60 / minutes))]


def failing(*minutes: float) -> Series:
    """Failures that were reported at these times, among results in each minute."""
    lines = job_lines(MemoryStore())
    others = [(minute * MINUTE + 1.0, lines) for minute in range(180)]
    failures = [(minute * MINUTE, failure_lines()) for minute in minutes]
    return measured(synthesize(), "Failures", *others, *failures)


def overdue(*hours: float) -> Series:
    """Hourly sweeps that see an upload of these ages."""
    now = datetime.now(UTC)
    said = [
        (i * HOUR, sweep_lines(now - timedelta(hours=age), Nothing()))
        for i, age in enumerate(hours)
    ]
    return measured(synthesize(), "OldestWithoutResult", *said)


def not_started() -> Series:
    """One hourly sweep that found no room: one line."""
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    said = (10.0, sweep_lines(long_ago, NoRoom()))
    return measured(synthesize(), "NotStarted", said)


def started() -> Series:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    lines = sweep_lines(long_ago, Nothing())
    return measured(synthesize(), "NotStarted", *((i * HOUR, lines) for i in range(5)))


def given_up() -> Series:
    return measured(synthesize(), "GaveUp", (10.0, given_up_lines()))


def rejected() -> Series:
    return measured(synthesize(), "GaveUp", (10.0, job_lines(MemoryStore())))


def cant_start(*hours: bool) -> Series:
    """Hourly sweeps that see an upload whose task never begins, or none; other lines between."""
    lines = job_lines(MemoryStore())
    said = [(i * HOUR, cant_start_lines(seen)) for i, seen in enumerate(hours)]
    return measured(synthesize(), "CantStart", *said, *((at + 60, lines) for at, _ in said))


def waits(minutes: int) -> Series:
    """The age of a queue's oldest message while it waits for so long, in each minute."""
    return [(i * MINUTE, i * MINUTE) for i in range(minutes + 1)]


CAUSES: list[tuple[str, str, Callable[[], Series], bool]] = [
    ("UploadsFailAlarm", "one fails every ten minutes", lambda: failing(*range(0, 120, 10)), True),
    ("UploadsFailAlarm", "one fails, and at the next sweeps", lambda: failing(0, 60, 120), True),
    ("UploadsFailAlarm", "one fails among many results", lambda: failing(7), False),
    ("UploadsFailAlarm", "two fail, hours apart", lambda: failing(0, 150), False),
    ("UploadsFailAlarm", "nothing fails", lambda: failing(), False),
    ("FailureQueueAlarm", "one message stays", lambda: every(1), True),
    ("FailureQueueAlarm", "it is empty", lambda: every(1, 0), False),
    ("FailureQueueAlarm", "nobody uses it", list, False),
    ("FailuresUnreportedAlarm", "one waits for twenty minutes", lambda: waits(20), True),
    ("FailuresUnreportedAlarm", "a burst takes ten minutes", lambda: waits(10), False),
    ("OldestWithoutResultAlarm", "one waits for seven sweeps", lambda: overdue(*range(1, 8)), True),
    ("OldestWithoutResultAlarm", "one waits for five", lambda: overdue(*range(1, 6)), False),
    ("OldestWithoutResultAlarm", "there is nothing to do", lambda: overdue(0, 0, 0), False),
    ("CantStartAlarm", "one upload's tasks never begin", lambda: cant_start(True), True),
    ("CantStartAlarm", "there is none", lambda: cant_start(False, False), False),
    ("SweepFailsAlarm", "each hourly sweep fails", lambda: every(60, hours=3), True),
    ("SweepFailsAlarm", "each hourly sweep ends well", lambda: every(60, 0, hours=3), False),
    ("GaveUpAlarm", "a sweep gives up one upload", given_up, True),
    ("GaveUpAlarm", "jobs reject what they must", rejected, False),
    ("NotStartedAlarm", "an hourly sweep finds no room", not_started, True),
    ("NotStartedAlarm", "hourly sweeps start what they must", started, False),
    ("FunctionThrottledAlarm", "many for half an hour", lambda: every(1, 40, hours=0.5), True),
    ("FunctionThrottledAlarm", "one event, tried every five minutes", lambda: every(5.2), True),
    ("FunctionThrottledAlarm", "for a minute", lambda: every(1, 40, hours=0.03), False),
    ("LaunchesThrottledAlarm", "many for half an hour", lambda: every(1, 40, hours=0.5), True),
    ("LaunchesThrottledAlarm", "one launch, 185 tries a day", lambda: every(7.8), True),
    ("LaunchesThrottledAlarm", "for a minute", lambda: every(1, 40, hours=0.03), False),
    ("UploadEventsLostAlarm", "one event can't be put in the queue", lambda: [(10, 1)], True),
    ("UploadEventsLostAlarm", "no event is lost", list, False),
    ("SmallUploadEventsLostAlarm", "one can't be put in the queue", lambda: [(10, 1)], True),
    ("SmallUploadEventsLostAlarm", "no event is lost", list, False),
    ("OutputMessagesLostAlarm", "one can't be put in the queue", lambda: [(10, 1)], True),
    ("OutputMessagesLostAlarm", "no message is lost", list, False),
    ("RejectionMessagesLostAlarm", "one can't be put in the queue", lambda: [(10, 1)], True),
    ("RejectionMessagesLostAlarm", "no message is lost", list, False),
    ("TaskFailuresLostAlarm", "one event can't be put in the queue", lambda: [(10, 1)], True),
    ("TaskFailuresLostAlarm", "no event is lost", list, False),
    ("LaunchFunctionAlarm", "it fails once", lambda: [(10, 1)], True),
    ("LaunchFunctionAlarm", "it runs well each minute", lambda: every(1, 0), False),
    ("ImageBuildAlarm", "the one build fails", lambda: [(400, 1)], True),
    ("ImageBuildAlarm", "the one build succeeds", lambda: [(400, 0)], False),
]  # fmt: skip
LOUD = [(name, cause) for name, _, cause, loud in CAUSES if loud]
