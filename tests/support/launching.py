"""The launcher's AWS on a virtual clock: ECS with its token buckets, a FIFO queue, Lambda's poller.

Whatever takes time pauses; the world goes on with whoever wakes up first. So nothing here depends
on how fast the machine is, and launchers that overlap do so in every order that the seed gives.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from launcher import MARGIN_SECONDS, Launcher
from places import Places
from processing.errors import NoCapacity, NotStarted
from processing.events import Upload

from economics.figures import PUBLISHED
from tests.load.stepping import Killed, Pause, Stepper
from tests.support.memory_store import MemoryStore
from tooling.buckets import TokenBucket

CALL_SECONDS = 0.05
"""Whatever is not RunTask."""
HANDOVER_SECONDS = 0.1
"""From the end of one invocation to the beginning of the next."""
FUNCTION_SECONDS, HIDDEN_SECONDS = 120, 720
PAGE = 100


def message(number: int, source: str = "aws.s3") -> dict[str, Any]:
    """As Lambda hands it over."""
    event = {
        "source": source,
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "uploads"}, "object": {"key": f"input/{number}"}},
    }
    return {
        "messageId": str(number),
        "receiptHandle": f"r{number}",
        "body": json.dumps(event),
        "attributes": {"SentTimestamp": "1767268800000"},
    }


class World:
    """Time, and who waits for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._wakes: dict[Stepper, float] = {}
        self._running: Stepper | None = None
        self._pauses: dict[Stepper, Pause] = {}
        self.dies: dict[Stepper, float] = {}
        """When who is killed, in whatever takes time just then."""

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        running = self._running
        assert running
        self._wakes[running] = self.now + seconds
        self._pauses[running]()
        if self.now >= self.dies.get(running, float("inf")):
            raise Killed

    def begin(self, work: Callable[[], str]) -> Stepper:
        def with_pause(pause: Pause) -> str:
            assert self._running
            self._pauses[self._running] = pause
            return work()

        stepper = Stepper(with_pause)
        self._wakes[stepper] = self.now
        return stepper

    def run(self, until: Callable[[], bool], seconds: float) -> bool:
        """Whether it came to that in so many seconds."""
        ends = self.now + seconds
        while self._wakes and not until():
            self._running = min(self._wakes, key=lambda stepper: self._wakes[stepper])
            self.now = max(self.now, self._wakes.pop(self._running))
            if self.now > ends:
                return False
            if not self._running.go_on():
                self._wakes.pop(self._running, None)
        return until()


@dataclass
class Call:
    """One of RunTask, as a thread would wait for it."""

    world: World
    answers: float
    outcome: list[str] | Exception

    def __hash__(self) -> int:
        return id(self)

    def done(self) -> bool:
        return self.world.now >= self.answers

    def result(self) -> list[str]:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass
class Ecs:
    """A cluster, with the quotas that ECS publishes; and the pool that calls it."""

    world: World
    run_task_seconds: float = 1.0
    task_seconds: float = 30.0
    lag: float = 1.0
    """Seconds until the list has a task."""
    capacity: float = float("inf")
    """Tasks for which there are vCPUs."""
    silent: float = 0
    """The share of calls that do what they should and give no answer."""
    lots: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        self.tasks: dict[str, float] = {}
        self.keys: Counter[str] = Counter()
        self.tokens: dict[str, str] = {}
        self.most = 0
        self.refused: Counter[str] = Counter()
        self._calls = TokenBucket(PUBLISHED["run_task"], PUBLISHED["run_task"])
        self._launches = TokenBucket(PUBLISHED["launches"], PUBLISHED["launch_burst"])
        self._reads = TokenBucket(PUBLISHED["cluster_reads"], PUBLISHED["cluster_read_burst"])
        self._answers = CALL_SECONDS
        self._names = itertools.count()

    def submit(self, work: Callable[..., list[str]], *arguments: Any) -> Call:
        self._answers = CALL_SECONDS
        outcome: list[str] | Exception
        try:
            outcome = work(*arguments)
        except Exception as error:
            outcome = error
        return Call(self.world, self.world.now + self._answers, outcome)

    def start(self, upload: Upload, swept: bool, version: str | None, token: str) -> str:
        if not (self._calls.take(self.world.now) and self._launches.take(self.world.now)):
            self.refused["RunTask"] += 1
            raise NotStarted("ThrottlingException: Rate exceeded") from throttled()
        self._answers = self.run_task_seconds
        if token not in self.tokens:
            if self.running_now() >= self.capacity:
                self.refused["capacity"] += 1
                raise NoCapacity("RunTask: capacity")
            self.tokens[token] = f"task {next(self._names)}"
            self.tasks[self.tokens[token]] = self.world.now
            self.keys[upload.key] += 1
            self.most = max(self.most, self.running_now())
        if self.lots.random() < self.silent:
            raise NotStarted("no response")
        return self.tokens[token]

    def running_now(self) -> int:
        return sum(self.world.now < at + self.task_seconds for at in self.tasks.values())

    def running(self) -> set[str]:
        then = self.world.now
        found = {
            task
            for task, at in self.tasks.items()
            if at + self.lag <= then < at + self.task_seconds
        }
        for _ in range(1 + len(found) // PAGE):
            self._read()
        return found

    def stopped(self, tasks: set[str]) -> set[str]:
        self._read()
        return {task for task in tasks if self.world.now >= self.tasks[task] + self.task_seconds}

    def _read(self) -> None:
        if not self._reads.take(self.world.now):
            self.refused["reads"] += 1
            raise throttled()
        self.world.sleep(CALL_SECONDS)


def throttled() -> ClientError:
    said = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
    return ClientError(said | {"ResponseMetadata": {"HTTPStatusCode": 400}}, "ECS")


class Queue:
    """FIFO, with one group: who has messages keeps the others from it."""

    def __init__(self, world: World, messages: int) -> None:
        self.world = world
        self.messages = {str(number): message(number) for number in range(messages)}
        self.hidden: dict[str, float] = {}
        self.reported: list[str] = []
        self.turns = 0

    def take(self) -> list[dict[str, Any]]:
        if any(until > self.world.now for until in self.hidden.values()):
            return []
        taken = [*self.messages.values()][:10]
        self.hidden = {each["messageId"]: self.world.now + HIDDEN_SECONDS for each in taken}
        return taken

    def receive(self) -> list[dict[str, Any]]:
        self.world.sleep(CALL_SECONDS)
        return self.take()

    def delete(self, messages: list[dict[str, Any]]) -> None:
        self.world.sleep(CALL_SECONDS)
        self.remove(messages)

    def remove(self, messages: list[dict[str, Any]]) -> None:
        for each in messages:
            self.messages.pop(each["messageId"], None)
            self.hidden.pop(each["messageId"], None)

    def give_back(self, messages: list[dict[str, Any]]) -> None:
        for each in messages:
            self.hidden.pop(each["messageId"], None)

    def report(self, message: dict[str, Any], error: Exception) -> None:
        self.reported.append(message["messageId"])

    def note_turn(self, message: dict[str, Any]) -> None:
        self.turns += 1


class Poller:
    """Lambda, which takes batches from the queue and runs launchers on them.

    AWS says that one instance at a time has messages of a group
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/fifo-queue-lambda-behavior.html),
    and not that this holds when the function has deleted its batch and still runs: an `eager` one
    hands the next batch out then.
    """

    def __init__(
        self, queue: Queue, ecs: Ecs, max_tasks: int, *, eager: bool, deaths: random.Random | None
    ) -> None:
        self.world, self.queue, self.ecs = queue.world, queue, ecs
        self.max_tasks = max_tasks
        self.deaths = deaths
        """Half of the launchers are killed at some time, by lot, when there is one."""
        self.notes = MemoryStore(lambda *_: self.world.sleep(CALL_SECONDS))
        self.notes.clock = lambda: datetime.fromtimestamp(self.world.now, UTC)
        self.eager = eager
        self.open = self.most_open = 0
        self.invocations = self.killed = 0
        self.world.begin(self._poll)

    def _poll(self) -> str:
        while True:
            if (self.eager or not self.open) and (batch := self.queue.take()):
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                self.invocations += 1
                name = f"launcher-{self.invocations}"
                invoked = self.world.begin(lambda batch=batch, name=name: self._invoke(name, batch))
                if self.deaths and self.deaths.random() < 0.5:
                    self.world.dies[invoked] = self.world.now + self.deaths.uniform(0, 8)
            # An eager one is now quicker and now slower than a launcher that takes more itself.
            pause = self.ecs.lots.random() if self.eager else 1
            hidden = max(self.queue.hidden.values(), default=0.0) - self.world.now
            self.world.sleep(
                pause * HANDOVER_SECONDS if self.open else max(hidden, HANDOVER_SECONDS)
            )

    def _invoke(self, name: str, batch: list[dict[str, Any]]) -> str:
        world = self.world
        places = Places(self.notes, name, FUNCTION_SECONDS, lambda: world.now)
        ends = world.now + FUNCTION_SECONDS - MARGIN_SECONDS
        launcher = Launcher(self.ecs, self.queue, places, self.max_tasks, ends, world)
        try:
            left = launcher.launch(batch, self.ecs)
            self.queue.give_back(left)
            kept = {each["messageId"] for each in left}
            self.queue.remove([each for each in batch if each["messageId"] not in kept])
        except Killed:
            self.killed += 1
        finally:
            self.open -= 1
        return "ended"
