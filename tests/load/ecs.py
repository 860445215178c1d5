"""An ECS that fails: RunTask on loopback, for the real client, with the failures that AWS has."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from processing.events import Upload

from tests.support.loopback import Handler, Server

THROTTLED, NO_CAPACITY, FAILED_TO_START, STARTED = (
    "throttled",
    "failures[]",
    "TaskFailedToStart",
    "started",
)


class FailingEcs(Server):
    """Use it as a context manager. Which launch of an upload fails depends on seed and number."""

    def __init__(self, seed: int, failing: float, job: Callable[[Upload], None]) -> None:
        super().__init__(_Handler)
        self.failing = failing
        """The share of launches that fail: a third in each way."""
        self.job = job
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self._seed = seed
        self._launches: Counter[Upload] = Counter()

    def launch(self, upload: Upload) -> str:
        """Run the job, or fail; gives what happened."""
        with self.lock:
            self._launches[upload] += 1
            lot = random.Random(f"{self._seed} {upload.key} {self._launches[upload]}").random()
            kinds = (THROTTLED, NO_CAPACITY, FAILED_TO_START)
            failed = lot < self.failing
            what = kinds[int(lot / self.failing * len(kinds))] if failed else STARTED
            self.counts[what] += 1
        if what == STARTED:
            self.job(upload)
        return what


class _Handler(Handler):
    server: FailingEcs

    def do_POST(self) -> None:
        assert self.headers["X-Amz-Target"].endswith(".RunTask")
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        (container,) = request["overrides"]["containerOverrides"]
        told = {each["name"]: each["value"] for each in container["environment"]}
        what = self.server.launch(Upload(told["S3_BUCKET"], told["S3_KEY"]))
        if what == THROTTLED:
            self._reply(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
        elif what == NO_CAPACITY:
            failure = {"reason": "Capacity is unavailable at this time"}
            self._reply(200, {"tasks": [], "failures": [failure]})
        else:
            self._reply(
                200, {"tasks": [{"taskArn": "t", "lastStatus": "PROVISIONING"}], "failures": []}
            )

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
