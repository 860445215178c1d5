"""The failure function, with a bucket in memory and an account that keeps what it is sent."""

from __future__ import annotations

import importlib.util
import io
import json
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from processing import records

from tests.support.memory_store import MemoryStore

ROOT = Path(__file__).parents[3]


class NoQueue(Exception):
    """What SQS raises."""


class Account:
    """The AWS services that the function calls."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.invoked: list[dict] = []
        self.refused = ""
        self.exceptions = SimpleNamespace(QueueDoesNotExist=NoQueue)

    def client(self, service: str) -> Account:
        assert service in ("sqs", "lambda")
        return self

    def invoke(self, FunctionName: str, Payload: str) -> dict:
        assert FunctionName == "the-sweep"
        self.invoked.append(json.loads(Payload))
        if not self.refused:
            return {"Payload": io.BytesIO(b'{"started": {}}')}
        error = json.dumps({"errorType": "NotStarted", "errorMessage": self.refused})
        return {"FunctionError": "Unhandled", "Payload": io.BytesIO(error.encode())}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        if QueueUrl != "the failure queue":
            raise NoQueue("The specified queue does not exist.")
        self.sent.append(json.loads(MessageBody))


@pytest.fixture
def account(monkeypatch) -> Account:
    account = Account()
    monkeypatch.setattr("boto3.client", account.client)
    return account


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def at(monkeypatch):
    """Sets the time at which a worker keeps its report."""

    def set_to(time: str) -> None:
        clock = SimpleNamespace(now=lambda zone: datetime.fromisoformat(time))
        monkeypatch.setattr(records, "datetime", clock)
        clock.fromisoformat = datetime.fromisoformat

    return set_to


@pytest.fixture
def handler(monkeypatch, account, store):
    for name, value in {
        "FAILURE_QUEUE": "the failure queue",
        "INPUT_PREFIX": "input/",
        "NOTES_BUCKET": "uploads",
        "SWEEP_FUNCTION": "the-sweep",
        "FALLBACK": "no",
    }.items():
        monkeypatch.setenv(name, value)
    path = ROOT / "functions/failure/app.py"
    spec = importlib.util.spec_from_file_location("failure_app", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "failure_app", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "Bucket", lambda name: store)
    return module.handler
