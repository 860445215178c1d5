"""What a token bucket gives, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.buckets import TokenBucket


def test_a_token_bucket_drains_a_burst_in_its_time() -> None:
    bucket = TokenBucket(rate=20, size=100)
    turns = [bucket.wait(0.0) for _ in range(1000)]
    assert turns[99] == 0
    assert turns[-1] == pytest.approx((1000 - 100) / 20)


@given(st.lists(st.floats(0, 5), max_size=200), st.floats(0.1, 50), st.floats(1, 50))
def test_a_token_bucket_never_gives_more_than_it_had_and_got(
    pauses: list[float], rate: float, size: float
) -> None:
    bucket, now, taken = TokenBucket(rate, size), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= size + rate * now + 1e-6


def test_whoever_wants_more_than_there_is_takes_nothing() -> None:
    bucket = TokenBucket(rate=1, size=10)
    assert not bucket.take(0.0, 11)
    assert bucket.has(0.0, 10)
    assert bucket.take(0.0, 10)
    assert not bucket.has(0.5)
    assert bucket.has(1.0)
