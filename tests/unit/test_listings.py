"""Listings of a bucket, page after page, on a server on loopback."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from processing.bucket import Bucket
from processing.errors import StoreError

from tests.support.loopback_s3 import server as server


def page(*keys: str, following: str = "") -> tuple[int, dict[str, str], bytes]:
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        "<ETag>&quot;abc-2&quot;</ETag></Contents>"
        for key in keys
    )
    more = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    truncated = f"<IsTruncated>{'true' if following else 'false'}</IsTruncated>"
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    body = f'<ListBucketResult xmlns="{namespace}">{truncated}{more}{entries}</ListBucketResult>'
    return 200, {}, body.encode()


def test_a_listing_goes_on_to_its_last_page(server):
    server.replies = [page("input/a+b%2Bc", following="a/+="), page("input/%C3%BC%00")]
    found = list(Bucket("uploads").listing("input/", after="input/a"))
    assert [each.key for each in found] == ["input/a b+c", "input/ü\0"]
    assert found[0].modified == datetime(2026, 1, 1, tzinfo=UTC)
    assert found[0].in_parts
    query = "/uploads/?list-type=2&encoding-type=url&prefix=input%2F&start-after=input%2Fa"
    assert [path for _, path, _, _ in server.asked] == [
        query,
        f"{query}&continuation-token=a%2F%2B%3D",
    ]


def test_an_empty_listing_is_one_call(server):
    server.replies = [page()]
    assert list(Bucket("uploads").listing("input/")) == []
    assert len(server.asked) == 1


def test_a_listing_that_is_refused_names_the_permission(server):
    server.replies = [(403, {}, b"<Error><Code>AccessDenied</Code></Error>")]
    with pytest.raises(StoreError, match="s3:ListBucket on uploads/input/: 403 AccessDenied"):
        list(Bucket("uploads").listing("input/"))


def folders(*found: str, following: str = "") -> tuple[int, dict[str, str], bytes]:
    status, headers, body = page("files/other", following=following)
    named = "".join(f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in found)
    return (
        status,
        headers,
        body.replace(b"</ListBucketResult>", named.encode() + b"</ListBucketResult>"),
    )


def test_folders_are_what_a_listing_rolls_up(server):
    server.replies = [folders("files/a+b/1.run%2F", following="x"), folders("files/%C3%BC/2.run/")]
    found = list(Bucket("uploads").folders("files/", ".run/", "files/a"))
    assert found == ["files/a b/1.run/", "files/ü/2.run/"]
    query = (
        "/uploads/?list-type=2&encoding-type=url&prefix=files%2F&delimiter=.run%2F"
        "&start-after=files%2Fa"
    )
    assert [path for _, path, _, _ in server.asked] == [query, f"{query}&continuation-token=x"]
