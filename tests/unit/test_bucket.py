"""What a bucket does of an object, on a server on loopback that gives S3's replies."""

from __future__ import annotations

import zlib
from base64 import b64decode
from xml.etree import ElementTree

import pytest
from processing.bucket import Bucket
from processing.errors import Conflict, Rejected, StoreError
from processing.objects import LONGEST_KEY, SMALL, Object

from tests.support.loopback_s3 import server as server
from tests.support.s3_replies import HEADERS, SEEN, WRITTEN, error, put


def test_a_head_gives_version_etag_and_metadata(server):
    server.replies = [(200, HEADERS, b"12345")]
    expected = Object(
        "input/a.png", "v1", '"abc"', 5, "image/png", {"source-version": "v0"}, WRITTEN
    )
    assert Bucket("uploads").head("input/a.png") == expected


def test_a_look_at_a_small_object_has_its_content(server):
    server.replies = [(206, HEADERS | {"Content-Range": "bytes 0-4/5"}, b"12345")]
    assert Bucket("uploads").look("input/a.png") == Object(
        *("input/a.png", "v1", '"abc"', 5, "image/png", {"source-version": "v0"}, WRITTEN),
        content=b"12345",
    )
    ((method, _, headers, _),) = server.asked
    assert (method, headers["range"]) == ("GET", f"bytes=0-{SMALL - 1}")


def test_a_look_at_a_larger_object_has_its_size(server):
    server.replies = [(206, HEADERS | {"Content-Range": "bytes 0-4/6"}, b"12345")]
    seen = Bucket("uploads").look("input/a.png")
    assert (seen.size, seen.content) == (6, None)


@pytest.mark.parametrize("status", [403, 416])
def test_what_has_no_beginning_to_read_is_seen_all_the_same(server, status):
    """It is archived, or empty."""
    server.replies = [(status, {}, b"<Error><Code>C</Code></Error>"), (200, HEADERS, b"12345")]
    assert Bucket("uploads").look(SEEN.key).version == "v1"
    assert [method for method, *_ in server.asked] == ["GET", "HEAD"]


@pytest.mark.parametrize("key", ["input/a.png", "input/" + "a" * LONGEST_KEY])
def test_a_look_at_nothing_sees_nothing(server, key):
    server.replies = [(404, {}, b"")]
    assert Bucket("uploads").look(key) is None


@pytest.mark.parametrize("version", [None, "null"])
def test_an_upload_without_a_version_is_told_by_its_etag(server, version):
    """Of a bucket that keeps none, does not keep them any more, or did not when it was written."""
    headers = {name: value for name, value in HEADERS.items() if name != "x-amz-version-id"}
    headers |= {"x-amz-version-id": version} if version else {}
    server.replies = [(200, headers, b"12345")]
    seen = Bucket("uploads").head("input/a.png")
    assert (seen.version, seen.etag) == ("etag:abc", '"abc"')
    assert Bucket("uploads").get(seen) == b"12345"


def test_a_version_is_no_longer_the_one_that_is_told_by_its_etag(server):
    """Versions were switched on, and the same bytes uploaded, between the two calls."""
    server.replies = [(200, {**HEADERS, "x-amz-version-id": "null"}, b""), (200, HEADERS, b"12345")]
    bucket = Bucket("uploads")
    seen = bucket.head("input/a.png")
    with pytest.raises(Conflict):
        bucket.get(seen)


def test_a_get_is_of_the_version_seen(server):
    server.replies = [(200, HEADERS, b"12345")]
    assert Bucket("uploads").get(SEEN) == b"12345"
    assert server.asked[0][2]["if-match"] == '"abc"'


@pytest.mark.parametrize(
    "reply", [(412, {}, b""), (404, {}, b""), (200, HEADERS | {"x-amz-version-id": "v2"}, b"12345")]
)
def test_a_get_of_an_upload_that_changed_is_a_conflict(server, reply):
    server.replies = [reply]
    with pytest.raises(Conflict):
        Bucket("uploads").get(SEEN)


@pytest.mark.parametrize(
    ("replaces", "name", "value"), [(None, "if-none-match", "*"), (SEEN, "if-match", '"abc"')]
)
def test_a_put_is_conditional_on_what_was_seen(server, replaces, name, value):
    server.replies = [(200, {}, b"")]
    put(Bucket("uploads"), replaces)
    _, _, headers, body = server.asked[0]
    assert headers[name] == value
    assert headers["x-amz-meta-source-version"] == "v1"
    assert b64decode(headers["x-amz-checksum-crc32"]) == zlib.crc32(b"body").to_bytes(4)
    assert body == b"body"


@pytest.mark.parametrize("status", [404, 409, 412])
def test_a_put_that_lost_is_a_conflict(server, status):
    server.replies = [(status, {}, b"")]
    with pytest.raises(Conflict):
        put(Bucket("uploads"), SEEN)


@pytest.mark.parametrize(("status", "error"), [(204, None), (404, None), (412, Conflict)])
def test_a_delete_is_of_the_version_seen(server, status, error):
    server.replies = [(status, {}, b"")]
    if error:
        with pytest.raises(error):
            Bucket("uploads").delete(SEEN)
    else:
        Bucket("uploads").delete(SEEN)
    assert server.asked[0][2]["if-match"] == '"abc"'


def test_an_archived_upload_is_rejected_with_what_to_do(server):
    said = "The operation is not valid for the object's storage class"
    server.replies = [(403, {}, error("InvalidObjectState", said))]
    with pytest.raises(
        Rejected, match="it is archived.*restore it and copy it.*or upload it again"
    ):
        Bucket("uploads").get(SEEN)


NEEDS_ITS_KEY = error(
    "InvalidRequest",
    "The object was stored using a form of Server Side Encryption. The correct parameters must be "
    "provided to retrieve the object.",
)


@pytest.mark.parametrize(
    ("listed", "version"),
    [
        ("<Version><Key>input/a+b.png</Key><VersionId>v9</VersionId>", "v9"),
        ("<Version><Key>input/a+b.png.other</Key><VersionId>v9</VersionId>", None),
        ("<DeleteMarker><Key>input/a+b.png</Key><VersionId>v9</VersionId>", None),
    ],
)
def test_of_an_upload_with_a_key_of_its_own_a_list_tells_the_version(server, listed, version):
    tag = listed[1:].partition(">")[0]
    body = (
        '<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{listed}<IsLatest>true</IsLatest><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;abc&quot;</ETag><Size>5</Size></{tag}></ListVersionsResult>"
    )
    server.replies = [(400, {}, b""), (400, {}, NEEDS_ITS_KEY), (200, {}, body.encode())]
    seen = Bucket("uploads").head("input/a b.png")
    assert (seen and (seen.version, seen.etag, seen.size)) == (version and (version, '"abc"', 5))
    assert seen is None or "SSE-C" in seen.barrier
    query = "versions=&encoding-type=url&prefix=input%2Fa%20b.png&max-keys=1"
    assert [path for _, path, _, _ in server.asked][2] == f"/uploads/?{query}"


@pytest.mark.parametrize(
    "content_type", ["text/\ud800", "a\nx-amz-acl: public-read", "x" * 9000, ""]
)
def test_a_content_type_that_no_header_can_have_is_bytes(server, content_type):
    server.replies = [(200, {}, b"")]
    Bucket("uploads").put("output/a", b"", content_type, {}, None)
    assert server.asked[0][2]["content-type"] == "application/octet-stream"


DELETED = b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%b</DeleteResult>'


def test_a_thousand_keys_are_deleted_at_once(server):
    server.replies = [(200, {}, DELETED % b"")]
    Bucket("uploads").delete_all(f"files/{number}" for number in range(1500))
    assert [(method, path) for method, path, _, _ in server.asked] == [
        ("POST", "/uploads/?delete=")
    ] * 2
    bodies = [body for *_, body in server.asked]
    assert [body.count(b"<Key>") for body in bodies] == [1000, 500]
    checksum = b64decode(server.asked[0][2]["x-amz-checksum-crc32"])
    assert checksum == zlib.crc32(bodies[0]).to_bytes(4)


def test_keys_are_deleted_as_they_are(server):
    """XML can't write all of them, and reads some as others."""
    server.replies = [(200, {}, DELETED % b""), (204, {}, b"")]
    Bucket("uploads").delete_all(["a<&>\"'b", "a\r\n\tb", "a\x01b", "a\uffffb"])
    (_, _, _, body), *others = server.asked
    assert [each.text for each in ElementTree.fromstring(body).findall(".//{*}Key")] == [
        "a<&>\"'b",
        "a\r\n\tb",
    ]
    assert [(method, path) for method, path, _, _ in others] == [
        ("DELETE", "/uploads/a%01b"),
        ("DELETE", "/uploads/a%EF%BF%BFb"),
    ]


@pytest.mark.parametrize(
    "replies",
    [
        [
            (
                200,
                {},
                DELETED
                % b"<Error><Key>a</Key><Code>AccessDenied</Code><Message>No</Message></Error>",
            ),
            (204, {}, b""),
        ],
        [(403, {}, error("AccessDenied", "No"))],
    ],
)
def test_a_key_that_can_not_be_deleted_is_said_after_the_others_were(server, replies):
    server.replies = replies
    with pytest.raises(StoreError, match="s3:DeleteObjects on uploads/a: .*AccessDenied: No"):
        Bucket("uploads").delete_all(["a", "\x01"])
    assert len(server.asked) == 2
