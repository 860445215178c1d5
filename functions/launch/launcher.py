"""Keeps the number of tasks at the concurrency limit or below, and starts them as fast as ECS takes
them.

RunTask takes a second, and Lambda hands out the next ten messages when these ten are done: batch
after batch would be less than ten starts a second. So a launcher with a full batch, to which ECS
refuses nothing, deletes the messages while their tasks are being started, and takes the next batch
itself. Should Lambda hand that to another launcher, it finds noted what is under way (places.py).
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from typing import Any

from botocore.exceptions import ClientError
from launch_queue import BATCH
from processing import events, starters
from processing.errors import BadEvent, Failed, NoCapacity, NotStarted
from processing.settings import setting

Json = dict[str, Any]

MARGIN_SECONDS = 30
"""After which nothing more is started: the list has to have all that was."""
CALL_SECONDS = 10
"""Of that, for the last call."""
LOOK_SECONDS = 1.0
"""Between two looks at the tasks, and between two attempts to start one."""
TICK_SECONDS = 0.05
"""Between two looks at the calls under way."""
TOGETHER = 30
"""Calls of RunTask side by side."""
STARTS_A_SECOND = 18
"""Of the 20 that ECS takes from an account
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html)."""
FRESH_SECONDS = 5
"""For so long, that another launcher let its batch go says that ECS refuses nothing."""
OTHERS = 5
"""Launchers that may have something under way when one more lets its batch go."""


class Launcher:
    """One invocation's work. The siblings' modules are imported by their bare names, so untyped."""

    def __init__(
        self,
        cluster: Any,  # noqa: ANN401, a Cluster
        queue: Any,  # noqa: ANN401, a LaunchQueue
        places: Any,  # noqa: ANN401, its Places
        max_tasks: int,
        ends: float,
        clock: Any = time,  # noqa: ANN401, with monotonic and sleep
    ) -> None:
        self._cluster, self._queue, self._places = cluster, queue, places
        self._max_tasks = max_tasks
        self._ends = ends
        self._clock = clock
        self._held: list[Json] = []
        """The batch that keeps all others from the queue."""
        self._waiting: deque[Json] = deque()
        """Messages for which there is no place yet; all are held."""
        self._calls: dict[Any, Json] = {}
        """RunTask is under way."""
        self._again: deque[Json] = deque()
        """RunTask could not do it, or has not said: they keep their places."""
        self._problems: dict[str, Exception] = {}
        self._refusals: Counter[str] = Counter()
        self._again_at = 0.0
        self._unseen: set[str] = set()
        """Tasks that were started and that the list does not have yet."""
        self._listed: set[str] | None = None
        """None while ECS does not say."""
        self._others: list[int] = []
        """The places of each."""
        self._goes_well = False
        """With one of them."""
        self._look_at = self._start_at = 0.0
        self._noted = False
        self.started = 0
        self.reported = 0

    def launch(self, messages: list[Json], pool: Any) -> list[Json]:  # noqa: ANN401, an Executor
        """Start what has a place, batch by batch, until the queue is empty or the time is out.

        Gives the messages that are left: they are still this launcher's. ListTasks may be behind
        RunTask, by seconds: a task that was started counts until the list has it, and this does not
        end before it has, because the next one begins with the list.
        """
        self._take(messages)
        while not self._ended():
            self._collect()
            self._look()
            self._start(pool)
            if self._may_let_go():
                self._let_go()
            self._rest()
        return self._close()

    def _take(self, messages: list[Json]) -> None:
        self._queue.note_turn(messages[0])
        self._held, self._waiting = messages, deque(messages)
        self._look_at = self._clock.monotonic()  # another launcher may have started tasks since

    def _ended(self) -> bool:
        now, open_ = self._clock.monotonic(), self._calls or self._unseen
        if now >= self._ends + MARGIN_SECONDS - CALL_SECONDS:
            if open_:  # ECS was never so slow
                print(json.dumps({"unlisted": sorted(self._unseen), "calls": len(self._calls)}))
            return True
        return not open_ and (now >= self._ends or not (self._waiting or self._again))

    def _rest(self) -> None:
        now = self._clock.monotonic()
        busy = self._calls or now < self._start_at
        self._clock.sleep(TICK_SECONDS if busy else max(TICK_SECONDS, self._look_at - now))

    def _look(self) -> None:
        """At what runs, when that matters: for a place, or for the end."""
        now = self._clock.monotonic()
        last = self._unseen and not self._calls and (now >= self._ends or not self._again)
        if now < self._look_at or not (self._waiting or last):
            return
        try:
            # In this order: what is noted no longer, the list has.
            self._others, wait = self._places.of_others()
            self._start_at = max(self._start_at, self._clock.monotonic() + wait)
            self._goes_well = wait > -FRESH_SECONDS
            self._listed = self._cluster.running()
            self._unseen -= self._listed
            if self._unseen and (last or self._room() < len(self._waiting)):
                self._unseen -= self._cluster.stopped(self._unseen)
        except (*starters.Refused, Failed) as error:
            self._listed = None
            print(json.dumps({"not_started": f"what runs is not known: {error}"}))
        self._look_at = self._clock.monotonic() + LOOK_SECONDS

    def _room(self) -> int:
        if self._listed is None:
            return 0
        kept = len(self._calls) + len(self._again) + sum(self._others)
        return max(0, self._max_tasks - len(self._listed | self._unseen) - kept)

    def _start(self, pool: Any) -> None:  # noqa: ANN401, an Executor
        now = self._clock.monotonic()
        if now >= self._ends:
            return
        if now >= self._again_at:
            for _ in range(min(len(self._again), TOGETHER - len(self._calls))):
                self._call(pool, self._again.popleft())
        if now >= self._start_at:
            count = min(self._room(), len(self._waiting), TOGETHER - len(self._calls))
            for _ in range(count):
                self._call(pool, self._waiting.popleft())
            # From when it could be: with each tick that came after, a little would be lost.
            due = self._start_at if now - self._start_at < 2 * TICK_SECONDS else now
            self._start_at = due + count / STARTS_A_SECOND

    def _call(self, pool: Any, message: Json) -> None:  # noqa: ANN401, an Executor
        # With the token of a call that was not answered, ECS gives the task that came of it.
        # (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html)
        token = f"{_name(message)}-{self._refusals[_name(message)]}"
        self._calls[pool.submit(self._run_task, message, token)] = message

    def _run_task(self, message: Json, token: str) -> list[str]:
        """In a thread of its own: it changes nothing here."""
        event = json.loads(message["body"])
        prefix, suffix = setting(os.environ, "INPUT_PREFIX"), os.environ.get("INPUT_SUFFIX", "")
        return [
            self._cluster.start(
                upload, event["source"] == starters.SWEEP, events.reprocess(event), token
            )
            for upload in events.from_event(event, prefix, suffix)
        ]

    def _collect(self) -> None:
        for call in [call for call in self._calls if call.done()]:
            message = self._calls.pop(call)
            try:
                tasks = call.result()
                self._unseen.update(tasks)
                self.started += len(tasks)
            except NotStarted as error:
                self._put_off(message, error)
            except (BadEvent, ClientError, ValueError) as error:
                if _is_conflict(error):  # the token is of a task with another definition
                    self._put_off(message, error)
                else:
                    self._report(message, error)

    def _put_off(self, message: Json, error: Exception) -> None:
        print(json.dumps({"not_started": str(error)}))
        self._problems[_name(message)] = error
        if isinstance(error, NoCapacity | ClientError):  # answered: ask anew, for another task
            self._refusals[_name(message)] += 1
        self._again.append(message)
        self._again_at = self._clock.monotonic() + LOOK_SECONDS

    def _report(self, message: Json, error: Exception) -> None:
        try:
            self._queue.report(message, error)
        except starters.Refused as unreported:
            self._put_off(message, NotStarted(f"{error}; not reported: {unreported}"))
        else:
            self.reported += 1

    def _may_let_go(self) -> bool:
        """Whether it is likely that all of the batch is started, and that more is waiting."""
        return (
            len(self._held) == BATCH
            and not self._waiting
            and self._clock.monotonic() < self._ends
            and len(self._calls) <= TOGETHER - BATCH
            and (self._goes_well or self.started > 0)
            and not self._problems
            and len(self._others) <= OTHERS
        )

    def _let_go(self) -> None:
        try:
            wait = self._start_at - self._clock.monotonic()
            self._places.keep(len(self._calls) + len(self._unseen), wait)
            self._noted = True
            self._queue.delete(self._held)
            self._held = []
            if messages := self._queue.receive():
                self._take(messages)
        except (*starters.Refused, Failed) as error:
            self._problems["let go"] = error
            print(json.dumps({"not_let_go": str(error)}))

    def _close(self) -> list[Json]:
        """Nothing is under way, or the time is out."""
        open_ = [*self._waiting, *self._again, *self._calls.values()]
        names = {_name(each) for each in open_}
        left = [each for each in self._held if _name(each) in names]
        kept = {_name(each) for each in left}
        for message in self._again.copy():
            if _name(message) not in kept:  # the queue has it no more: now it is the sweep's
                self._report(message, self._problems[_name(message)])
        unsure = [each for each in self._again if _may_have_started(self._problems[_name(each)])]
        places = len(self._calls) + len(self._unseen) + len(unsure)
        try:
            if places or self._noted:
                self._places.keep(places)
            if self._noted:  # Lambda deletes what it handed over itself
                self._queue.delete([each for each in self._held if _name(each) not in kept])
        except (*starters.Refused, Failed) as error:  # they come again, and change nothing
            print(json.dumps({"not_let_go": str(error)}))
        return left


def _name(message: Json) -> str:
    return str(message["messageId"])


def _may_have_started(error: Exception) -> bool:
    """Whether a task may have come of a call: one that was refused is answered."""
    refused = error.__cause__ if isinstance(error, NotStarted) else error
    if isinstance(refused, ClientError):
        return bool(refused.response["ResponseMetadata"]["HTTPStatusCode"] >= 500)
    return not isinstance(error, NoCapacity)


def _is_conflict(error: Exception) -> bool:
    said = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return bool(said == "ConflictException")
