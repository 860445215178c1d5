"""A bucket that somebody brings: used, changed in one point, refused where it can't be used."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from local.aws import REGION, EmbeddedAws
from local.pipeline import Pipeline, until
from operate import destroy, smoke
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]
ACCOUNT = "000000000000"
OTHER_ACCOUNT = {"aws_access_key_id": "222222222222", "aws_secret_access_key": "test"}


def notifications(aws: EmbeddedAws, bucket: str) -> dict[str, Any]:
    reply = aws.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


def full_configuration(aws: EmbeddedAws, bucket: str) -> dict[str, Any]:
    """A queue, a topic and a function that hear of the bucket, as somebody has made them."""
    arn = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}{bucket}"
    aws.client("sqs").create_queue(QueueName=bucket)
    aws.client("sns").create_topic(Name=bucket)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    pass\n")
    aws.client("iam").create_role(RoleName=bucket, AssumeRolePolicyDocument="{}")
    aws.client("lambda").create_function(
        FunctionName=bucket,
        Runtime="python3.13",
        Handler="app.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{bucket}",
        Code={"ZipFile": code.getvalue()},
    )
    rules = [{"Name": "prefix", "Value": "theirs/"}, {"Name": "suffix", "Value": ".txt"}]
    return {
        "QueueConfigurations": [
            {"Id": "q", "QueueArn": arn.format("sqs", ""), "Events": ["s3:ObjectRemoved:*"]}
        ],
        "TopicConfigurations": [
            {"Id": "t", "TopicArn": arn.format("sns", ""), "Events": ["s3:ObjectTagging:*"]}
        ],
        "LambdaFunctionConfigurations": [
            {
                "Id": "f",
                "LambdaFunctionArn": arn.format("lambda", "function:"),
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": rules}},
            }
        ],
    }


def create(aws: EmbeddedAws, stack: str, **parameters: str) -> str:
    """Have CloudFormation make a stack; gives the status in which it ends."""
    if not aws._transformed():  # `sam delete` takes along what it names
        aws.deploy_all({f"before-{stack}": {}})
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=aws._transformed(),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )

    def ended() -> str | None:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return None if status.endswith("_IN_PROGRESS") else str(status)

    return until(ended, stack, 120)


def reasons(aws: EmbeddedAws, stack: str) -> str:
    """Why it failed."""
    events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return "\n".join(each.get("ResourceStatusReason", "") for each in events)


def left(aws: EmbeddedAws, stack: str) -> list[str]:
    """What is there of a stack that was rolled back."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources")
    return [
        resource["LogicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def by_cloudformation(aws: EmbeddedAws, stack: str) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.2}
    )


def by_make_destroy(_: EmbeddedAws, stack: str) -> None:
    assert destroy.main([stack, "--yes"]) == 0


@pytest.mark.parametrize(
    ("versioning", "delete"),
    [("Enabled", by_make_destroy), ("Suspended", by_cloudformation), ("none", by_cloudformation)],
)
def test_uploads_are_processed_and_nothing_but_eventbridge_is_added(
    aws: EmbeddedAws,
    maze: Maze,
    default_account: None,
    capsys: pytest.CaptureFixture[str],
    versioning: str,
    delete: Callable[[EmbeddedAws, str], None],
) -> None:
    name = f"theirs-{versioning}".lower()
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    if versioning != "none":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration=full_configuration(aws, name),
        SkipDestinationValidation=True,
    )
    s3.put_object(Bucket=name, Key="input/there.png", Body=maze(3))
    before = notifications(aws, name)
    stack = f"brings-{name}"
    outputs = aws.deploy_all({stack: {"BucketName": name, "InputSuffix": ".png"}})[stack]
    assert outputs["BucketVersioning"] == versioning
    assert notifications(aws, name) == before | {"EventBridgeConfiguration": {}}
    pipeline = Pipeline(aws, stack, outputs)
    for key in ("input/a.jpg", "input/a.png"):
        s3.put_object(Bucket=name, Key=key, Body=maze(4))
    assert until(lambda: pipeline.keys("output/"), "an output") == ["output/a.png"]
    sweep = Sweeper(pipeline)
    with sweep.without_grace():
        said = sweep()
    assert said["outcomes"] == {"current": 1, "started": 1}  # the one that was there before
    outputs_there = ["output/a.png", "output/there.png"]
    assert until(lambda: pipeline.keys("output/") == outputs_there, "another output")
    assert pipeline.keys(".sweep/") == []
    assert smoke.main([stack]) == 0
    delete(aws, stack)
    if delete is by_make_destroy:
        assert f"s3://{name}: yours, is kept, with everything in it" in capsys.readouterr().out
    assert notifications(aws, name) == before | {"EventBridgeConfiguration": {}}
    assert pipeline.keys() == ["input/a.jpg", "input/a.png", "input/there.png", *outputs_there]


def make_elsewhere(aws: EmbeddedAws) -> None:
    aws.client("s3").create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )


def make_of_another(aws: EmbeddedAws) -> None:
    aws.client("s3", **OTHER_ACCOUNT).create_bucket(Bucket="of-another")


def let_in(aws: EmbeddedAws, name: str, **statement: Any) -> None:
    statements = [{"Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"], **statement}]
    owner = aws.client("s3", **OTHER_ACCOUNT) if name.startswith("of-") else aws.client("s3")
    owner.put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )


def make_of_another_that_lets_in(aws: EmbeddedAws) -> None:
    aws.client("s3", **OTHER_ACCOUNT).create_bucket(Bucket="of-another-open")
    everybody = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:*"}
    let_in(aws, "of-another-open", **everybody)


def make_that_refuses(aws: EmbeddedAws) -> None:
    aws.client("s3").create_bucket(Bucket="refuses")
    nobody = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketNotification"}
    let_in(aws, "refuses", **nobody)


def make_nothing(_: EmbeddedAws) -> None:
    pass


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("not-there", make_nothing, "there is no bucket not-there. What helps: make it"),
        ("elsewhere", make_elsewhere, f"is in eu-west-1, and the stack in {REGION}"),
        ("of-another", make_of_another, "if the bucket is another account's: deploy the stack"),
        ("of-another-open", make_of_another_that_lets_in, "belongs to another account than"),
        ("refuses", make_that_refuses, "S3 refuses s3:PutBucketNotification on the bucket refuses"),
    ],
)
def test_a_bucket_that_cant_be_used_fails_the_deployment_and_leaves_nothing(
    aws: EmbeddedAws, name: str, make: Callable[[EmbeddedAws], None], reason: str
) -> None:
    make(aws)
    stack = f"refused-{name}"
    assert create(aws, stack, BucketName=name) == "ROLLBACK_COMPLETE"
    assert reason in reasons(aws, stack)
    assert left(aws, stack) == []


def test_two_stacks_do_not_write_under_one_prefix_of_a_bucket(aws: EmbeddedAws) -> None:
    """Chained they may be, with prefixes of results of their own."""
    aws.client("s3").create_bucket(Bucket="shared")
    own = {"OutputPrefix": "second/", "FilesPrefix": "second-files/", "RejectedPrefix": "no/"}
    assert create(aws, "shares-1", BucketName="shared") == "CREATE_COMPLETE"
    assert create(aws, "shares-2", BucketName="shared") == "ROLLBACK_COMPLETE"
    assert "is already exported by stack shares-1" in reasons(aws, "shares-2")
    assert left(aws, "shares-2") == []
    chained = {"BucketName": "shared", "InputPrefix": "output/", **own}
    assert create(aws, "shares-3", **chained) == "CREATE_COMPLETE"
