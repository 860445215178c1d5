"""What the tests of the sweep share."""

from __future__ import annotations

import pytest

from tests.support.swept_bucket import Bucket


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()
