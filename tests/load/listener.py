"""What a stack tells during a run: its failures, and each result by its topic."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Self

from local.pipeline import Pipeline
from tests.local.test_alarms import measure_failure_queue
from tests.local.test_result_topic import Subscriber

Json = dict[str, Any]


class Listener:
    """Empties both queues as messages come, in a thread. Use it as a context manager."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.failures: dict[str, list[Json]] = {}
        """By upload; of no upload under ''."""
        self.told: Counter[tuple[str, str]] = Counter()
        """By the `id` of the messages: a result's key, and what tells it from others there."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._subscriber = Subscriber(self._pipeline, filtered=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.listen()
        self._subscriber.close()

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            self.listen()

    def listen(self) -> None:
        """Take what is there now."""
        for message in self._subscriber.receive():
            key, sequencer = message["id"]
            self.told[key, sequencer] += 1
        if not self._pipeline.failures():
            return
        measure_failure_queue(self._pipeline)
        for failure in self._pipeline.take_failures():
            self.failures.setdefault(failure["key"] or "", []).append(failure)
