"""What all tests share: figures at the end of the run, and which tests run in one process.

`make test` runs several processes side by side (pytest-xdist), so that tests that compute run
beside tests that wait. What is expensive to make is made once a process, so the tests that share it
are a group, which one process runs. The groups begin in this order: those that take longest first.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.figures import (
    figure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

__all__ = ["figure", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]

# Its deadline is for one example, and `too_slow` for the making of ten, by the clock on the wall: a
# busy machine is no defect.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")

STACKS = "stacks of each scenario"
OWN_STACKS = "stacks of their own"
IN_CONTAINERS = "stacks in containers"
GROUPS = {
    "tests/local/test_in_containers.py": IN_CONTAINERS,
    "tests/containers/": "containers",
    "tests/multiregion/": "multiregion",
    **{
        f"tests/local/test_{name}.py": STACKS
        for name in ("access", "alarms", "bad_jobs", "failures", "hybrid", "pipeline", "sweep")
    },
    **{
        f"tests/load/test_{name}.py": "load"
        for name in (
            *("faults", "faults_without_versions", "launches"),
            *("soak", "sweep", "uploads"),
        )
    },
    **{
        f"tests/local/test_{name}.py": OWN_STACKS
        for name in (
            *("attempts", "concurrency_limit", "destroy", "keys", "model"),
            *("own_bucket", "preflight"),
            *("smoke", "status"),  # on the stacks of each scenario, which destroy has, too
        )
    },
}
"""Of what begins so; every other file is a group of its own."""
ORDER = [
    STACKS,
    OWN_STACKS,
    "load",
    IN_CONTAINERS,
    "containers",
    # They wait more than they compute: so that none of them is left alone at the end.
    "tests/local/test_named_bucket.py",
    "tests/local/test_new_account.py",
    "tests/local/test_switching.py",
    "multiregion",
    "tests/local/test_demo.py",
    "tests/examples/test_demo.py",
    "tests/hostile/test_corpus.py",
    "tests/local/test_embedded_aws.py",
    "tests/hostile/test_fuzz.py",
]
"""Those that take longest first; the others in the order of their names."""


def group(test: str) -> str:
    """The group of a test, by its node id."""
    file, _, name = test.partition("::")
    found = next((name for start, name in GROUPS.items() if file.startswith(start)), file)
    return IN_CONTAINERS if found == STACKS and "docker" in name else found


class ByGroup(LoadScopeScheduling):
    """All tests of a group go to one process. (pytest-xdist's own groups, by a mark, do nothing
    with pytest 9.2: each process made everything, and then ran half of the tests.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


@pytest.fixture
def folders_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of jobs: some tests make and remove ten thousands, and a disk takes long for that."""
    if os.access("/dev/shm", os.W_OK):
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What is collected stays to the end: to look for garbage in it takes a seventh of the tests'
    processor time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    config.option.loadscopereorder = False  # in our order, and not those of most tests first
    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of a group one after the other, the longest groups first."""
    items.sort(key=lambda item: place(group(item.nodeid)))


def place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)
