"""The custom resource of a bucket that somebody brings: what it finds out, changes and leaves."""

from __future__ import annotations

from typing import Any

import boto3
import bucket
import pytest
from botocore.stub import Stubber

ACCOUNT, REGION, NAME = "111122223333", "eu-west-1", "somebodys-bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/uploads-ResourcesFunctionRole-1"
GUID = "01234567-89ab-cdef-0123-456789abcdef"
OWNER = {"Bucket": NAME, "ExpectedBucketOwner": ACCOUNT}
FULL = {
    "TopicConfigurations": [
        {"Id": "t", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Events": ["s3:ObjectRemoved:*"]}
    ],
    "QueueConfigurations": [
        {
            "Id": "a queue's",
            "QueueArn": "arn:aws:sqs:eu-west-1:1:q",
            "Events": ["s3:ObjectCreated:Put", "s3:ObjectRestore:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
        }
    ],
    "LambdaFunctionConfigurations": [
        {
            "Id": "f",
            "LambdaFunctionArn": "arn:aws:lambda:eu-west-1:1:function:f",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {
                "Key": {
                    "FilterRules": [
                        {"Name": "prefix", "Value": "a/"},
                        {"Name": "suffix", "Value": ".\u00fc"},
                    ]
                }
            },
        }
    ],
}
ON = {"EventBridgeConfiguration": {}}


@pytest.fixture
def s3(monkeypatch):
    client = boto3.client(
        "s3", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="s"
    )
    stub = Stubber(client)
    monkeypatch.setattr(boto3, "client", {"s3": client}.__getitem__)
    stub.slept = []
    monkeypatch.setattr("time.sleep", stub.slept.append)
    with stub:
        yield stub
        stub.assert_no_pending_responses()


def make(name: str = NAME, events: str = "yes") -> dict[str, Any]:
    request = {
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/uploads/{GUID}",
        "ResourceProperties": {"Bucket": name, "Events": events, "Role": ROLE},
    }
    return bucket.make(request, None, None)


def head(region: str = REGION, status: int = 200) -> dict[str, Any]:
    headers = {"x-amz-bucket-region": region} if region else {}
    return {"ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}


def refuse(s3, method: str, status: int = 403, code: str = "AccessDenied", **more: Any) -> None:
    s3.add_client_error(
        method,
        code,
        "what S3 says",
        status,
        response_meta=head(more.get("region", ""), status)["ResponseMetadata"],
        expected_params=more.get("expected"),
    )


def is_here(s3, versioning: dict[str, str] | None = None) -> None:
    s3.add_response("head_bucket", head(), {"Bucket": NAME})
    s3.add_response("head_bucket", head(), OWNER)
    s3.add_response("get_bucket_versioning", versioning or {}, OWNER)


def read(s3, configuration: dict[str, Any]) -> None:
    s3.add_response("get_bucket_notification_configuration", configuration, OWNER)


def put(s3, configuration: dict[str, Any]) -> None:
    wanted = {"NotificationConfiguration": configuration, "SkipDestinationValidation": True}
    s3.add_response("put_bucket_notification_configuration", {}, OWNER | wanted)


# ---- its events ----
@pytest.mark.parametrize("there", [{}, FULL], ids=["nothing", "all kinds"])
def test_eventbridge_is_added_to_what_is_there(s3, there):
    is_here(s3)
    read(s3, there)
    put(s3, there | ON)
    read(s3, there | ON)
    make()


def test_nothing_is_put_where_eventbridge_is_on(s3):
    is_here(s3)
    read(s3, FULL | ON)
    make()
    assert s3.slept == []


def test_nothing_is_read_where_no_events_are_wanted(s3):
    is_here(s3)
    make(events="no")


def test_what_somebody_else_puts_meanwhile_stays_and_gets_eventbridge_too(s3):
    theirs = {"TopicConfigurations": FULL["TopicConfigurations"]}
    is_here(s3)
    read(s3, {})
    put(s3, ON)
    read(s3, theirs)  # they had read before, and put after
    put(s3, theirs | ON)
    read(s3, theirs | ON)
    make()


def test_a_change_at_the_very_same_time_is_waited_for(s3):
    is_here(s3)
    read(s3, {})
    refuse(s3, "put_bucket_notification_configuration", 409, "OperationAborted")
    read(s3, FULL)
    put(s3, FULL | ON)
    read(s3, FULL | ON)
    make()
    assert s3.slept == [bucket.PAUSE_SECONDS] * 2


def test_somebody_who_never_leaves_it_on_ends_it_with_that_reason(s3):
    is_here(s3)
    for _ in range(bucket.TRIES):
        read(s3, FULL)
        put(s3, FULL | ON)
    with pytest.raises(bucket.NoBucket, match="somebody else changes them at the same time"):
        make()


# ---- its versions ----
@pytest.mark.parametrize(
    ("said", "found"),
    [({}, "none"), ({"Status": "Enabled"}, "Enabled"), ({"Status": "Suspended"}, "Suspended")],
)
def test_it_says_whether_versions_are_kept(s3, said, found):
    is_here(s3, said)
    assert make(events="no") == {"Versioning": found}


# ---- what can't be used ----
def test_a_bucket_that_does_not_exist(s3):
    refuse(s3, "head_bucket", 404, "404")
    with pytest.raises(bucket.NoBucket, match=f"there is no bucket {NAME}.*aws s3 mb"):
        make()
    assert s3.slept == []


@pytest.mark.parametrize("status", [200, 301, 400, 403])
def test_a_bucket_of_another_region_whatever_s3_answers(s3, status):
    if status == 200:  # botocore follows a bucket to its region
        s3.add_response("head_bucket", head("us-east-1"))
    else:
        refuse(s3, "head_bucket", status, str(status), region="us-east-1")
    with pytest.raises(bucket.NoBucket, match=f"is in us-east-1, and the stack in {REGION}"):
        make()


def test_a_bucket_of_another_account_that_lets_this_one_in(s3):
    s3.add_response("head_bucket", head())
    refuse(s3, "head_bucket", 403, "403", expected=OWNER)
    with pytest.raises(bucket.NoBucket, match=f"belongs to another account than {ACCOUNT}"):
        make()


def test_a_refusal_names_both_reasons_and_the_role_when_iam_has_had_its_time(s3):
    for _ in range(bucket.TRIES):
        refuse(s3, "head_bucket", 403, "403")
    with pytest.raises(bucket.Refused) as refusal:
        make()
    for part in ("another account's", f"of this account ({ACCOUNT})", ROLE, "s3:ListBucket"):
        assert part in str(refusal.value)
    assert len(s3.slept) == bucket.TRIES - 1


def test_a_role_that_iam_knows_a_moment_later_is_waited_for(s3):
    refuse(s3, "head_bucket", 403, "403")
    is_here(s3)
    make(events="no")


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("get_bucket_versioning", "s3:GetBucketVersioning"),
        ("get_bucket_notification_configuration", "s3:GetBucketNotification"),
        ("put_bucket_notification_configuration", "s3:PutBucketNotification"),
    ],
)
def test_each_call_that_is_refused_is_named_with_s3s_own_words(s3, method, action):
    for _ in range(bucket.TRIES):
        s3.add_response("head_bucket", head())
        s3.add_response("head_bucket", head())
        if method != "get_bucket_versioning":
            s3.add_response("get_bucket_versioning", {})
        if method.startswith("put"):
            read(s3, {})
        refuse(s3, method)
    with pytest.raises(bucket.Refused, match=f"{action} on the bucket {NAME}.*what S3 says"):
        make()


def test_the_stacks_own_bucket_is_none_that_somebody_brings(s3):
    with pytest.raises(bucket.NoBucket, match="the stack's own bucket.*BucketName empty"):
        make(f"uploads-{GUID}")
