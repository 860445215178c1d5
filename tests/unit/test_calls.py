"""Whom a call to S3 asks and how, and what its refusals say, on a server on loopback."""

from __future__ import annotations

import pytest
from processing.bucket import Bucket
from processing.errors import StoreError
from processing.exchange import endpoint

from tests.support.loopback_s3 import server as server
from tests.support.s3_replies import HEADERS, SEEN, error, put


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


def test_a_refusal_names_operation_object_code_and_remedy(server):
    server.replies = [(403, {}, b"<Error><Code>AccessDenied</Code></Error>")]
    expected = (
        "s3:PutObject on uploads/output/a.png: 403 AccessDenied: the role must allow it.*ListBucket"
    )
    with pytest.raises(StoreError, match=expected):
        put(Bucket("uploads"))


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
