"""Tests run side by side: what shares something expensive runs in one process."""

from __future__ import annotations

from types import SimpleNamespace

from tests import conftest

STACKS = [f"tests/local/test_{name}.py::test[{n}]" for name in ("alarms", "sweep") for n in "123"]
OTHERS = [f"tests/unit/test_{name}.py::test_{n}" for name in ("a", "b", "c") for n in range(3)]


class Process:
    """One that pytest-xdist sends the numbers of tests."""

    gateway = SimpleNamespace(id="one")
    shutting_down = False

    def __init__(self) -> None:
        self.sent: list[int] = []

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.sent += numbers

    def shutdown(self) -> None:
        self.shutting_down = True


def test_a_group_runs_in_one_process() -> None:
    tests, processes = STACKS + OTHERS, [Process(), Process()]
    config = SimpleNamespace(option=SimpleNamespace(), getvalue=lambda _: ["2*popen"])
    scheduler = conftest.pytest_xdist_make_scheduler(config, None)
    for process in processes:
        scheduler.add_node(process)
        scheduler.add_node_collection(process, tests)
    scheduler.schedule()
    for n in range(len(tests)):
        for process in processes:
            if n < len(process.sent):
                scheduler.mark_test_complete(process, process.sent[n])
    first, second = ([tests[number] for number in process.sent] for process in processes)
    assert sorted(first + second) == sorted(tests)
    assert not set(map(conftest.group, first)) & set(map(conftest.group, second))
    assert first[: len(STACKS)] == STACKS
