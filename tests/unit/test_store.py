"""What S3's replies mean, against a server on loopback that gives them."""

from __future__ import annotations

import zlib
from base64 import b64decode
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from processing.bucket import Bucket
from processing.errors import Conflict, Rejected, StoreError
from processing.exchange import endpoint
from processing.objects import LONGEST_KEY, SMALL, Object

from tests.support.loopback_s3 import server as server

WRITTEN = datetime(2026, 11, 9, 8, 7, 6, tzinfo=UTC)
SEEN = Object("input/a.png", "v1", '"abc"', 5, "image/png", {}, WRITTEN)
HEADERS = {
    "ETag": '"abc"',
    "x-amz-version-id": "v1",
    "x-amz-meta-source-version": "v0",
    "Content-Type": "image/png",
    "Last-Modified": "Mon, 09 Nov 2026 08:07:06 GMT",
}


def put(bucket: Bucket, replaces: Object | None = None) -> None:
    bucket.put("output/a.png", b"body", "image/png", {"source-version": "v1"}, replaces)


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


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("input/a b+c%20.png", "/uploads/input/a%20b%2Bc%2520.png"),
        ("input//a/../b/./c", "/uploads/input//a/../b/./c"),
        ("input/\"é\n'", "/uploads/input/%22%C3%A9%0A%27"),
    ],
)
def test_a_key_is_asked_for_as_it_is(server, key, path):
    server.replies = [(404, {}, b"")]
    assert Bucket("uploads").head(key) is None
    assert server.asked[0][1] == path


def test_a_functions_credentials_are_those_of_its_environment(server, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    server.replies = [(404, {}, b"")]
    Bucket("uploads").head("input/a.png")
    headers = server.asked[0][2]
    assert headers["x-amz-security-token"] == "token"
    assert "Credential=a/" in headers["authorization"]


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


def test_a_refusal_names_operation_object_code_and_remedy(server):
    server.replies = [(403, {}, b"<Error><Code>AccessDenied</Code></Error>")]
    expected = (
        "s3:PutObject on uploads/output/a.png: 403 AccessDenied: the role must allow it.*ListBucket"
    )
    with pytest.raises(StoreError, match=expected):
        put(Bucket("uploads"))


def error(code: str, message: str) -> bytes:
    """As S3 writes it."""
    return f"<?xml ...?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


ROLE, KEY = "the role must allow it", "the object's key of KMS must be enabled"
BY_A_POLICY = (
    "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: {} on resource: &quot;x"
    "&quot; because no identity-based policy allows it"
)


@pytest.mark.parametrize(
    ("status", "code", "message", "remedy"),
    [
        (403, "AccessDenied", "Access Denied", ROLE),
        (403, "AccessDenied", BY_A_POLICY.format("s3:GetObject"), ROLE),
        (403, "AccessDenied", BY_A_POLICY.format("kms:Decrypt"), KEY),
        (403, "AccessDenied", "The ciphertext refers to a customer master key that", KEY),
        (400, "KMS.DisabledException", "k is disabled.", KEY),
        (400, "KMS.KMSInvalidStateException", "k is pending deletion.", KEY),
        (400, "ExpiredToken", "The provided token has expired.", ""),
        (403, "InvalidAccessKeyId", "It does not exist in our records.", ""),
        (403, "SignatureDoesNotMatch", "Check your key and signing method.", ""),
    ],
)
@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_a_refusal_has_s3s_own_words_and_the_remedy_that_fits(
    server, operation, status, code, message, remedy
):
    """HEAD's response has no body, so GET is asked why."""
    server.replies = [(status, {}, error(code, message))]
    bucket = Bucket("uploads")
    with pytest.raises(StoreError) as raised:
        bucket.get(SEEN) if operation == "GetObject" else bucket.head(SEEN.key)
    said = str(raised.value)
    words = f"s3:{operation} on uploads/input/a.png: {status} {code}: {message}"
    assert said.startswith(words.replace("&quot;", '"'))
    assert [each for each in (ROLE, KEY) if each in said] == [remedy] * bool(remedy)


@pytest.mark.parametrize("call", ["PutObject", "DeleteObject", "ListBucket"])
def test_what_a_buckets_policy_refuses_is_said_in_s3s_own_words(server, call):
    """Of somebody's bucket, that wants a header of encryption, say, or tags."""
    said = "r is not authorized to do it with an explicit deny in a resource-based policy"
    server.replies = [(403, {}, error("AccessDenied", said))]
    bucket = Bucket("theirs")
    calls = {
        "PutObject": lambda: put(bucket),
        "DeleteObject": lambda: bucket.delete(SEEN),
        "ListBucket": lambda: list(bucket.listing("input/")),
    }
    with pytest.raises(StoreError, match=f"s3:{call} on theirs/.*{said}.*the bucket's policy"):
        calls[call]()


def test_a_refusal_without_a_reason_is_its_status(server):
    """GET may come through where HEAD did not: then its response is no reason."""
    server.replies = [(400, {}, b""), (206, HEADERS, b"<Code>of the file itself</Code>")]
    with pytest.raises(StoreError, match="input/a.png: 400$"):
        Bucket("uploads").head(SEEN.key)


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_headers_that_are_no_utf_8_lose_no_upload(server):
    """An uploader chooses them; the runtime can't take them, so S3 is asked for others instead."""
    server.replies = [
        (200, HEADERS | {"Content-Type": "image/\xe9"}, b"12345"),
        (200, HEADERS, b""),
    ]
    assert Bucket("uploads").head("input/a.png").version == "v1"
    (_, path, _, _), (_, again, _, _) = server.asked
    assert path == "/uploads/input/a.png"
    assert again.startswith(
        "/uploads/input/a.png?response-content-type=application%2Foctet-stream&"
    )


@pytest.mark.parametrize(
    "content_type", ["text/\ud800", "a\nx-amz-acl: public-read", "x" * 9000, ""]
)
def test_a_content_type_that_no_header_can_have_is_bytes(server, content_type):
    server.replies = [(200, {}, b"")]
    Bucket("uploads").put("output/a", b"", content_type, {}, None)
    assert server.asked[0][2]["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("status", [500, 503])
def test_a_passing_fault_of_s3_is_tried_again(server, status):
    server.replies = [(status, {}, b"<Error><Code>SlowDown</Code></Error>"), (200, {}, b"")]
    put(Bucket("uploads"))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("region", "bucket", "host"),
    [
        ("eu-west-1", "uploads", "uploads.s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "uploads", "uploads.s3.cn-north-1.amazonaws.com.cn"),
        ("eu-west-1", "up.loads", "s3.eu-west-1.amazonaws.com"),
    ],
)
def test_aws_itself_is_asked_over_tls_where_no_endpoint_is_set(monkeypatch, region, bucket, host):
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    found = endpoint(bucket)
    assert (found.host, found.tls) == (host, True)


def test_an_endpoint_of_s3_goes_before_that_of_all_services(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    assert endpoint("uploads")[:3] == ("all:1", "/uploads", False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3:2")
    assert endpoint("uploads")[:3] == ("s3:2", "/uploads", False)


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
