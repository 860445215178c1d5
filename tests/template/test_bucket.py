"""The buckets: private, encrypted, and they tell the chosen engine and no other."""

from __future__ import annotations

import re
from typing import Any

from processing import records

from tests.support.cases import in_turn
from tests.template.synthesis import (
    BRINGS,
    BUCKET,
    CHOICES,
    CLOUDTRAIL,
    FARGATE,
    SOURCE,
    synthesize,
)

every_choice = in_turn("choice", CHOICES.values())


@every_choice
def test_no_bucket_can_be_public(choice: dict[str, str]) -> None:
    for bucket in synthesize(choice).of_type("AWS::S3::Bucket").values():
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        assert bucket["OwnershipControls"] == {
            "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
        }


@every_choice
def test_every_bucket_is_encrypted(choice: dict[str, str]) -> None:
    for bucket in synthesize(choice).of_type("AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@every_choice
def test_every_bucket_outlives_the_stack_and_a_replacement(choice: dict[str, str]) -> None:
    for resource in synthesize(choice).resources.values():
        if resource["Type"] == "AWS::S3::Bucket":
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"


@every_choice
def test_every_bucket_forgets_unfinished_uploads(choice: dict[str, str]) -> None:
    for bucket in synthesize(choice).of_type("AWS::S3::Bucket").values():
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert {rule["Status"] for rule in rules} == {"Enabled"}
        assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert "Prefix" not in rules[0]


@every_choice
def test_files_are_versioned_and_never_expire(choice: dict[str, str]) -> None:
    """But for those of several outputs that were removed, which no manifest names."""
    bucket = synthesize(choice, FilesPrefix="d/")["DataBucket"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    unfinished, notes, removed = bucket["LifecycleConfiguration"]["Rules"]
    assert unfinished.keys() == {"Id", "Status", "AbortIncompleteMultipartUpload"}
    assert notes["Prefix"] == records.PREFIX
    assert removed == {
        "Id": "removed-files",
        "Status": "Enabled",
        "Prefix": "d/",
        "ExpiredObjectDeleteMarker": True,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
    }


@in_turn("name", ["InputPrefix", "OutputPrefix", "FilesPrefix", "RejectedPrefix"])
def test_no_file_lies_where_notes_expire(name: str) -> None:
    pattern = SOURCE["Parameters"][name]["AllowedPattern"]
    assert re.match(pattern, "a/")
    assert not re.match(pattern, records.PREFIX)


def test_lambda_is_told_of_uploads_only() -> None:
    notifications = synthesize(InputPrefix="in/")["DataBucket"]["NotificationConfiguration"]
    prefix = {"Name": "prefix", "Value": "in/"}
    assert notifications == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": False},
        "LambdaConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Function": "<ProcessFunction.Arn>",
                "Filter": {"S3Key": {"Rules": [prefix]}},
            }
        ],
    }


def test_eventbridge_is_told_when_it_starts_the_tasks() -> None:
    notifications = synthesize(FARGATE)["DataBucket"]["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_nobody_is_told_when_cloudtrail_records_the_uploads() -> None:
    """In words, because a configuration that is taken away may stay (test_taken_away.py)."""
    notifications = synthesize(CLOUDTRAIL)["DataBucket"]["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": False}}


@every_choice
def test_rules_of_a_persons_own_hear_of_the_bucket_in_every_mode(choice: dict[str, str]) -> None:
    bucket = synthesize(choice, BucketEvents="true")["DataBucket"]
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"] == {
        "EventBridgeEnabled": "BucketName" not in choice
    }


def test_only_uploads_with_the_suffix_invoke_the_function() -> None:
    notifications = synthesize(InputSuffix=".pdf")["DataBucket"]["NotificationConfiguration"]
    (function,) = notifications["LambdaConfigurations"]
    prefix = {"Name": "prefix", "Value": "input/"}
    assert function["Filter"] == {"S3Key": {"Rules": [prefix, {"Name": "suffix", "Value": ".pdf"}]}}


@in_turn("choice", [{}, FARGATE, CLOUDTRAIL])
def test_beside_a_bucket_that_somebody_brings_the_stacks_own_tells_nobody(
    choice: dict[str, str],
) -> None:
    """It has the notes of the sweep, and no uploads."""
    notifications = synthesize({**choice, **BRINGS})["DataBucket"]["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": False}}


def test_only_this_bucket_of_this_account_may_invoke_the_function() -> None:
    stack = synthesize()
    assert stack["ProcessPermission"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "<ProcessFunction>",
        "Principal": "s3.amazonaws.com",
        "SourceAccount": "111122223333",
        "SourceArn": f"arn:aws-test:s3:::{stack['DataBucket']['BucketName']}",
    }


def test_the_trail_records_writes_under_the_input_prefix_and_nothing_else() -> None:
    trail = synthesize(CLOUDTRAIL, InputPrefix="in/")["Trail"]
    values = ["arn:aws-test:s3:::<DataBucket>/in/"]
    assert trail["EventSelectors"] == [
        {
            "ReadWriteType": "WriteOnly",
            "IncludeManagementEvents": False,
            "DataResources": [{"Type": "AWS::S3::Object", "Values": values}],
        }
    ]
    assert trail["IsMultiRegionTrail"] is False
    assert trail["IncludeGlobalServiceEvents"] is False


def test_the_trail_is_on_and_its_records_can_be_validated() -> None:
    trail = synthesize(CLOUDTRAIL)["Trail"]
    assert trail["IsLogging"] is True
    assert trail["EnableLogFileValidation"] is True


def test_the_trail_is_made_after_its_buckets_policy() -> None:
    """CloudTrail tries to write to the bucket when the trail is made."""
    assert "TrailBucketPolicy" in synthesize(CLOUDTRAIL).dependencies["Trail"]


def test_only_this_trail_writes_to_its_bucket() -> None:
    stack = synthesize(CLOUDTRAIL)
    statements = stack["TrailBucketPolicy"]["PolicyDocument"]["Statement"]
    allowed = [each for each in statements if each["Effect"] == "Allow"]
    assert {each["Action"] for each in allowed} == {"s3:GetBucketAcl", "s3:PutObject"}
    arn = "arn:aws-test:cloudtrail:xx-test-9:111122223333:trail/<DataBucket>"
    assert stack["Trail"]["TrailName"] == "<DataBucket>"
    for each in allowed:
        assert each["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert each["Condition"]["StringEquals"]["aws:SourceArn"] == arn


def test_records_of_the_trail_expire_with_the_logs() -> None:
    (rule,) = synthesize(CLOUDTRAIL, LogRetentionDays="7")["TrailBucket"]["LifecycleConfiguration"][
        "Rules"
    ]
    assert rule["ExpirationInDays"] == "7"


def test_every_name_of_the_bucket_is_its_name() -> None:
    """The name is built in several places, because the bucket comes last."""
    names: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, dict | list):
            for value in node.values() if isinstance(node, dict) else node:
                look(value)
        elif isinstance(node, str) and "uploads-" in node:
            names.add("uploads-" + node.partition("uploads-")[2].partition("/")[0])

    for choice in CHOICES.values():
        look(synthesize(choice).resources)
    assert names == {BUCKET}
