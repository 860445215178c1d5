"""What the tests of the sweep share."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from processing import starters

from tests.support.memory_store import MemoryStore
from tests.support.swept_bucket import Bucket
from tests.unit.sweep.account import (
    CONTEXT,
    SETTINGS,
    TASKS,
    Clients,
)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def aws(monkeypatch) -> Clients:
    clients = Clients()
    monkeypatch.setattr("boto3.client", clients.client)
    return clients


@pytest.fixture
def handler(monkeypatch, store, aws):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    path = Path(__file__).parents[3] / "functions/sweep/app.py"
    spec = importlib.util.spec_from_file_location("sweep_app", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(starters, "RATE", 1000.0)
    monkeypatch.setattr(module, "Bucket", lambda name, gigabits=1: store)
    return lambda **event: module.handler(event, CONTEXT)


@pytest.fixture
def tasks(monkeypatch, handler):
    for name, value in TASKS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def hybrid(monkeypatch, tasks):
    monkeypatch.setenv("MODE", "hybrid")
    monkeypatch.setenv("THRESHOLD", "10")
