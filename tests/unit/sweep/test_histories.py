"""Many sweeps, one after the other: what they cost, and where they end."""

from __future__ import annotations

import contextlib
import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processing import job
from processing.errors import Failed, Rejected, StoreError
from processing.events import Upload
from processing.settings import Settings
from state import State

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore
from tests.support.swept_bucket import GRACE, HOUR, PLAN, SETTINGS, Bucket

pytestmark = pytest.mark.usefixtures("folders_in_memory")


pytestmark = pytest.mark.usefixtures("folders_in_memory")


class Schedule:
    """Hourly sweeps with their state, over a bucket into which ten good uploads an hour come."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._state = State()
        self._names = itertools.count()

    def heads(self, **plan: object) -> int:
        """The HEADs of the next sweep."""
        bucket = self._bucket
        for _ in range(10):
            key = f"input/{next(self._names):06}"
            bucket.store.upload(key, b"good")
            bucket.start(Upload("uploads", key))
        before = len(bucket.store.calls)
        progress = bucket.run(examined=self._state.examined, **plan)
        self._state = self._state.following(progress, bucket.now, GRACE, backlog=False)
        return sum(operation == "head" for operation, _ in bucket.store.calls[before:])


def never(operation: str, key: str) -> None:
    if key == "input/~poison":
        raise StoreError("HeadObject", "uploads", key, "403 AccessDenied")


@pytest.mark.parametrize(
    ("names", "older", "plan", "refuse"),
    [
        pytest.param(["~poison"], None, {}, never, id="one that is refused"),
        pytest.param(["~poison", "~poison-b"], None, {}, never, id="before a name like its own"),
        pytest.param(["~poison"], b"old", {}, never, id="with the result of an older version"),
        pytest.param(["~poison"], None, {"max_attempts": 10**9}, None, id="one that crashes"),
        pytest.param(
            [f"~{number}" for number in range(50)],
            *(None, {"waits": lambda starter, uploaded, last: True}, None),
            id="a backlog",
        ),
    ],
)
def test_what_stays_unsettled_costs_no_more_from_sweep_to_sweep(bucket, names, older, plan, refuse):
    """Whatever settles after it is looked at once."""
    for name in names:
        if older:
            bucket.store.upload(f"input/{name}", older)
            bucket.start(Upload("uploads", f"input/{name}"))
            bucket.now += HOUR
        bucket.store.upload(f"input/{name}", b"crash")
    bucket.store.before = refuse
    schedule = Schedule(bucket)
    heads = [schedule.heads(**plan) for _ in range(30)]
    assert max(heads[5:]) <= heads[5]  # before, one of them may be given up
    assert heads[5] <= 10 * 3 + len(names) * 6


BODIES = [b"good", b"bad", b"crash", b"fails"]
EVENTS = ["upload", "start", "stale output", "remove output", "remove upload", "sweep"]


@settings(max_examples=150, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from("abc"), st.sampled_from(BODIES))),
)
def test_every_upload_ends_with_one_current_result_after_so_many_attempts(versioned, history):
    """Whatever happened before: as many sweeps as there are attempts, and one that gives up."""

    def processor(body: bytes, content_type: str) -> tuple[bytes, str]:
        if body == b"bad":
            raise Rejected("bad")
        if body == b"fails":
            raise Failed("this time")
        return body, content_type

    bucket = Bucket(store=MemoryStore(versioned=versioned))
    chosen = Settings(processor=OnBytes(processor))

    def start(upload: Upload, job_version: str | None = None) -> None:
        if bucket.store.body(upload.key) == b"crash":
            return
        bucket.started[upload.key] += 1
        with contextlib.suppress(Failed):
            job.run(upload, bucket.store, chosen, log=lambda line: None)

    bucket.start = start
    state = State()

    def sweep() -> None:
        nonlocal state
        progress = bucket.run(examined=state.examined)
        state = state.following(progress, bucket.now, GRACE, backlog=False)

    for event, name, body in history:
        bucket.now += timedelta(seconds=1)
        key, output = f"input/{name}", f"output/{name}"
        if event == "upload":
            bucket.store.upload(key, body)
        elif event == "start":
            bucket.start(Upload("uploads", key))
        elif event == "stale output" and len(versions := bucket.store.versions.get(key, [])) > 1:
            # A job of the version before, ended between its last two calls. None takes longer
            # than the grace period: that is a limit of the sweep (docs/OPERATIONS.md).
            newest = versions[-1]
            late = newest and bucket.now >= newest[0].modified + GRACE
            if versions[-2] and not late and not bucket.store.current(output):
                metadata = {"source-version": versions[-2][0].version}
                bucket.store.put(output, b"stale", "text/plain", metadata, None)
        elif event.startswith("remove"):
            bucket.store.remove(output if event == "remove output" else key)
        else:
            sweep()
    for _ in range(PLAN.max_attempts + 2):
        sweep()
    for key, versions in bucket.store.versions.items():
        if key.startswith("input/") and versions[-1]:
            found = [bucket.store.current(each) for each in job.result_keys(key, SETTINGS)]
            named = [each[0].metadata["source-version"] for each in found if each]
            assert named == [versions[-1][0].version]
