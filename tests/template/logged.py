"""Lines as the code itself logs them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import reconcile
from launcher import Launcher
from places import Places
from plan import Plan
from processing import job, records
from processing.errors import NotStarted, Rejected
from processing.events import Upload
from processing.settings import Settings
from processing.starters import Starter
from progress import as_json
from state import State

from tests.support.in_process import OnBytes
from tests.support.launching import message
from tests.support.memory_store import MemoryStore


def job_lines(store: MemoryStore, mode: str = "fargate") -> list[str]:
    """What jobs log that succeed, find nothing to do, reject and fail."""
    lines: list[str] = []

    def process(body: bytes, content_type: str) -> tuple[bytes, str]:
        if body == b"bad":
            raise Rejected("bad")
        if body == b"broken":
            raise OSError
        return body, content_type

    settings = Settings(processor=OnBytes(process), mode=mode)
    for key, body in {"a": b"good", "b": b"bad", "c": b"broken"}.items():
        store.upload(f"input/{key}", body)
    for key in ("a", "a", "b", "c"):
        try:
            job.run(Upload("uploads", f"input/{key}"), store, settings, lines.append)
        except OSError:
            assert key == "c"
    return lines


def failure_lines() -> list[str]:
    """What functions/failure logs of a failure; that it does is tested there."""
    return [json.dumps({"failure": {"bucket": "b", "key": "k", "source": "task", "reason": "r"}})]


def sweep_lines(unsettled: datetime | None, starter: Starter) -> list[str]:
    """What the sweep logs."""
    lines: list[str] = []
    store = MemoryStore()
    uploaded = unsettled or datetime.now(UTC)
    store.clock = lambda: uploaded
    store.upload("input/a", b"x")
    plan = Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    now = datetime.now(UTC)
    run = reconcile.Sweep(
        store, settings, lambda *_: starter, plan, now=lambda: now, log=lines.append
    )
    progress = run.run(now)
    said = as_json(progress) | State().left(progress, now)
    lines.append(json.dumps({"sweep": said}))
    return lines


class Nothing:
    """Takes every job, and runs none."""

    def start(self, upload: Upload, job_version: str | None = None) -> None: ...


class NoRoom:
    """Takes no job."""

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        raise NotStarted("no room")


def given_up_lines() -> list[str]:
    """What the sweep logs when it gives up an upload, and before: a rejection like a job's."""
    lines: list[str] = []
    store, upload = MemoryStore(), Upload("uploads", "input/a")
    store.upload(upload.key, b"x")
    store.clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    plan = Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    for hours in (1, 2):
        now = datetime.now(UTC) + timedelta(hours=hours)
        reconcile.Sweep(
            *(store, settings, lambda *_: Nothing(), plan),
            now=lambda at=now: at,
            log=lines.append,
        ).run(now)
    return lines


def cant_start_lines(seen: bool) -> list[str]:
    """What the sweep logs when the last start came to no job; and when nothing did."""
    lines: list[str] = []
    store, upload = MemoryStore(), Upload("uploads", "input/a")
    plan = Plan(grace=timedelta(minutes=30), max_attempts=1, rate=1e9)
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    if seen:
        store.upload(upload.key, b"x")
    for hours in (1, 2, 3):
        now = datetime.now(UTC) + timedelta(hours=hours)
        run = reconcile.Sweep(*(store, settings, lambda *_: Nothing(), plan), now=lambda at=now: at)
        progress = run.run(now)
        failure = {"bucket": upload.bucket, "key": upload.key, "reason": "no image"}
        records.put_failure(store, failure | {"started": False, "time": now.isoformat()})
    said = as_json(progress) | State().left(progress, now)
    lines.append(json.dumps({"sweep": said}))
    return lines


def launch_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the launch function logs while there is no room."""
    cluster = SimpleNamespace(start=lambda upload, *_: NoRoom().start(upload))
    queue = SimpleNamespace(note_turn=lambda message: None)
    launcher = Launcher(cluster, queue, Places(MemoryStore(), "a", 1), 1, 0)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setenv("INPUT_PREFIX", "input/")
        launcher._call(pool, message(1))
    launcher._collect()
    assert launcher._again
    return capsys.readouterr().out.splitlines()
