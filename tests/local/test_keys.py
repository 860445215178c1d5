"""From one key to another, and to none: what was encrypted before can still be read, or is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.aws import EmbeddedAws
from local.pipeline import Pipeline
from tests.local.test_destroy import change
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]
Json = dict[str, Any]
STACK = "keys"


def state(pipeline: Pipeline) -> str:
    """The key of the sweep's note."""
    return f".sweep/state/{pipeline.bucket}"


def make_key(aws: EmbeddedAws, *actions: str) -> str:
    """ARN of a key whose policy leaves these actions to the account's own policies."""
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    statement = {"Effect": "Allow", "Principal": root, "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


def encrypted_with(pipeline: Pipeline, key: str) -> str | None:
    found = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=key)
    return found.get("SSEKMSKeyId")


def swept(pipeline: Pipeline) -> None:
    """A sweep as the schedule starts it, which has to end well."""
    Sweeper(pipeline)(resume=True)


def processed_again(pipeline: Pipeline, key: str) -> Json:
    """What the function says of an upload that is there already, and whose result is gone."""
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key=key.replace("input/", "output/"))
    detail = {"bucket": {"name": pipeline.bucket}, "object": {"key": key}}
    reply = pipeline.aws.client("lambda").invoke(
        FunctionName=pipeline.resource("ProcessFunction"),
        Payload=json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}),
    )
    said: Json = json.load(reply["Payload"]) or {}
    return said


def test_from_key_to_key_to_none(aws: EmbeddedAws, maze: Maze) -> None:
    first, second = make_key(aws, "kms:*"), make_key(aws, "kms:*")
    aws.deploy_all({STACK: {"Mode": "lambda", "KmsKeyArn": first, "OtherKeyArns": ""}})
    steps = [(first, ""), (second, first), ("", f"{first},{second}")]
    for number, (key, others) in enumerate(steps):
        if number:
            change(aws, STACK, KmsKeyArn=key, OtherKeyArns=others)
        pipeline = Pipeline(aws, STACK, aws.outputs(STACK))
        name = f"input/{number}.png"
        assert pipeline.result(name, pipeline.upload(name, maze(number))).is_output
        for written in (name, f"output/{number}.png"):
            assert (encrypted_with(pipeline, written) or "") == key
        for old in range(number + 1):
            assert "errorMessage" not in processed_again(pipeline, f"input/{old}.png")
        assert len(pipeline.keys("output/")) == number + 1
        swept(pipeline)
        assert (encrypted_with(pipeline, state(pipeline)) or "") == key
    assert pipeline.failures() == []

    change(aws, STACK, OtherKeyArns="")  # the keys are lost to the roles
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key=state(pipeline), Body=b"{}",
        ServerSideEncryption="aws:kms", SSEKMSKeyId=first)  # fmt: skip
    swept(pipeline)
    assert encrypted_with(pipeline, state(pipeline)) is None  # begun again, and written over
    assert "403 AccessDenied" in processed_again(pipeline, "input/0.png")["errorMessage"]


def test_a_keys_own_policy_must_let_the_account_in(aws: EmbeddedAws, maze: Maze) -> None:
    """The roles' policies alone open no key."""
    stack = "keys-closed"
    aws.deploy_all({stack: {"Mode": "lambda", "KmsKeyArn": make_key(aws, "kms:DescribeKey")}})
    pipeline = Pipeline(aws, stack, aws.outputs(stack))
    pipeline.upload("input/a.png", maze(1))
    report = pipeline.reports("input/a.png")[0]
    assert report["outcome"] == "failed"
    assert "403 AccessDenied" in str(report["reason"])
