"""What one launcher meets: ECS in steps of its looks, a clock that its sleep moves, a queue."""

from __future__ import annotations

from concurrent.futures import Future

from botocore.exceptions import ClientError, EndpointConnectionError
from launcher import Launcher
from places import Places

from tests.support.launching import message
from tests.support.memory_store import MemoryStore


class Cluster:
    """An ECS in steps: one look at the list, one step. Tasks run for `steps`; the list is behind
    by `lag`, and what a task is asked for by `unknown`."""

    def __init__(
        self, steps: int = 3, lag: int = 0, unknown: int = 0, problems: dict | None = None
    ) -> None:
        self.steps, self.lag, self.unknown = steps, lag, unknown
        self.problems = problems or {}
        self.now = 0
        self.started: dict[str, int] = {}
        self.most = 0

    def start(self, upload, swept: bool, job_version: str | None = None, token: str = "") -> str:
        if problems := self.problems.get(upload.key):
            raise problems.pop()
        self.started[upload.key] = self.now
        running = [at for at in self.started.values() if at + self.steps > self.now]
        self.most = max(self.most, len(running))
        return upload.key

    def running(self) -> set[str]:
        self.now += 1
        then = self.now - self.lag
        return {task for task, at in self.started.items() if at <= then < at + self.steps}

    def stopped(self, tasks: set[str]) -> set[str]:
        then = self.now - self.unknown
        return {task for task in tasks if then >= self.started[task] + self.steps}


class Clock:
    """Time that passes when it is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Pool:
    """Where a call is answered at once, or when the test says so."""

    def submit(self, work, *arguments) -> Future:
        call: Future = Future()
        try:
            call.set_result(work(*arguments))
        except Exception as error:
            call.set_exception(error)
        return call


class Queue:
    """The launch queue's batches after the first one, and what was done with all."""

    def __init__(self, *batches: list[dict]) -> None:
        self.batches = [*batches]
        self.calls: list[tuple[str, list[str]]] = []
        self.reported: list[str] = []

    def receive(self) -> list[dict]:
        return self.batches.pop(0) if self.batches else []

    def delete(self, messages: list[dict]) -> None:
        self.calls.append(("delete", [each["messageId"] for each in messages]))

    def report(self, message: dict, error: Exception) -> None:
        self.reported.append(message["messageId"])

    def note_turn(self, message: dict) -> None:
        self.calls.append(("turn", [message["messageId"]]))

    def deleted(self) -> list[list[str]]:
        return [names for what, names in self.calls if what == "delete" and names]


QUEUES = {"LAUNCH_QUEUE": "https://launches", "RAW_FAILURE_QUEUE": "https://raw"}


def run(
    cluster: Cluster,
    messages: list[dict],
    max_tasks: int,
    seconds: float = 60,
    queue: object = None,
    store: MemoryStore | None = None,
    clock: Clock | None = None,
) -> list[dict]:
    places = Places(store or MemoryStore(), "me", seconds)
    launcher = Launcher(cluster, queue or Queue(), places, max_tasks, seconds, clock or Clock())
    return launcher.launch(messages, Pool())


def batch(first: int, size: int = 10) -> list[dict]:
    return [message(number) for number in range(first, first + size)]


def denied() -> ClientError:
    said = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    return ClientError(said, "RunTask")


def no_response() -> Exception:
    return EndpointConnectionError(endpoint_url="https://ecs")
