"""What a job and a request without TLS may not do."""

import json

import pytest
from botocore.exceptions import ClientError

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, until
from tests.local.executors import IN_BOTH_EXECUTORS
from tests.local.other_jobs import (
    PROBE,
    function_with_probe,
    python_path,
    run_task,
    start_again,
    task_with,
)


def what_s3_says_to_writes(pipeline: Pipeline, targets: list[str]) -> dict[str, str]:
    """Have a job, with the credentials of its role, write objects in its own bucket."""
    key = "input/probe"
    body = json.dumps({"bucket": pipeline.bucket, "keys": targets}).encode()
    pipeline.result(key, pipeline.upload(key, body))  # the maze's own: it is no picture
    settings = {
        "PROCESSOR": "probe:write",
        "JOB_HAS_ROLE": "yes",
        "OUTPUT_PREFIX": "output/probed/",
        "REJECTED_PREFIX": "rejected/probed/",
    }
    if pipeline.outputs["Mode"] != "fargate":
        with function_with_probe(pipeline, settings):
            start_again(pipeline, key)
    else:
        definition = task_with(pipeline, PROBE.parent)
        run_task(
            pipeline, definition, key, PYTHONPATH=python_path(pipeline, PROBE.parent), **settings
        )
    output = "output/probed/probe"
    until(lambda: output in pipeline.keys(output), output)
    found = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=output)
    said: dict[str, str] = json.loads(found["Body"].read())
    return said


@IN_BOTH_EXECUTORS
def test_a_job_can_write_results_only(pipeline: Pipeline) -> None:
    allowed = ["output/allowed", "rejected/allowed"]
    denied = ["input/denied", "elsewhere/denied"]
    said = what_s3_says_to_writes(pipeline, [*allowed, *denied])
    assert [said[key] for key in allowed] == ["written", "written"]
    assert ["AccessDenied" in said[key] for key in denied] == [True, True]
    everything = pipeline.keys()
    assert [key in everything for key in [*allowed, *denied]] == [True, True, False, False]


def test_requests_without_tls_are_denied(aws: EmbeddedAws, pipelines: dict[str, Pipeline]) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="allow", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    s3 = aws.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    bucket = pipelines["lambda"].bucket
    assert "Name" in s3.list_objects_v2(Bucket=bucket)
    s3.meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.add_header("X-Forwarded-Proto", "http"),
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket)
