"""What all tests share: figures at the end of the run, and which tests run in one process.

`make test` runs several processes side by side (pytest-xdist), so that tests that compute run
beside tests that wait. What is expensive to make is made once a process, so the tests that share it
are a group, which one process runs; the groups that take longest begin first.
"""

from __future__ import annotations

import pytest

from tests.support.figures import (
    figure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

__all__ = ["figure", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]

GROUPS: dict[str, str] = {
    "tests/containers/": "containers",
    "tests/local/test_in_containers.py": "containers",
    "tests/local/": "local",
    "tests/load/": "load",
    "tests/multiregion/": "multiregion",
}
"""The group of each folder or file that has one."""


def group(item: pytest.Item) -> str:
    path = item.path.relative_to(item.config.rootpath).as_posix()
    if "docker" in item.name:
        return "local-containers"
    return next((name for start, name in GROUPS.items() if path.startswith(start)), path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
