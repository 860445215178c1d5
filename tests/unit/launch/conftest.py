"""What the tests of the launcher share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _prefix() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPUT_PREFIX", "input/")
        yield
