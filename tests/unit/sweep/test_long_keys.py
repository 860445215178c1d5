"""Uploads whose results would have too long a key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from processing import job
from processing.events import Upload
from processing.objects import fits

from tests.support.swept_bucket import SETTINGS


@pytest.mark.parametrize("size", [1016, 1017, 1024])
@pytest.mark.parametrize(("body", "last"), [(b"good", "started"), (b"crash", "gave_up")])
def test_an_upload_whose_record_would_have_too_long_a_key_ends_all_the_same(
    bucket, size, body, last
):
    """rejected/ and .json are eight bytes more than input/."""
    key = "input/" + "ü" * 500
    key += "x" * (size - len(key.encode()))
    bucket.store.upload(key, body)
    found = [bucket.sweep() for _ in range(4)]
    assert found[0 if body == b"good" else 3] == {last: 1}
    for _ in range(3):
        assert bucket.sweep() == {"current": 1}


@pytest.mark.parametrize("output", [1024, 1025])
def test_an_output_whose_key_would_be_too_long_is_a_rejection_that_says_so(bucket, output):
    chosen = replace(SETTINGS, output_prefix="out/" * 10)
    key = "input/" + "x" * (output - 40)
    upload = bucket.store.upload(key, b"good")
    report = job.run(Upload("uploads", key), bucket.store, chosen, log=lambda line: None)
    assert report.outcome == ("succeeded" if output == 1024 else "rejected")
    assert output == 1024 or "would have 1025 bytes" in report.reason
    again = job.run(Upload("uploads", key), bucket.store, chosen, log=lambda line: None)
    assert (again.outcome, again.version) == ("unchanged", upload.version)


def test_no_two_uploads_have_the_same_record(bucket):
    """However alike their names, and whatever name somebody chooses to have another's record."""
    longest = "input/" + "x" * 1018
    keys = {longest, longest[:-1] + "y", longest[:-1]}
    records = {job.result_keys(key, SETTINGS)[1] for key in keys}
    assert len(records) == 3
    assert not any(record.endswith(".json") for record in records)
    assert all(fits(record) for record in records)
