"""ResultTopic: who subscribes hears of each result, and of nothing else."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, output_key, rejection_key, until
from tooling.paths import ROOT

Json = dict[str, Any]

# Nothing: rejected. Up to four bytes: one output. More: several, and a manifest.
COMMAND = """sh -c 'test -s "$0" || exit 65; split --bytes=4 "$0" "$1"/part-' {input} {output}"""
QUIET_SECONDS = 1
"""After which no further message is expected."""


@pytest.fixture(scope="module", params=["lambda", "fargate", "cloudtrail"])
def pipeline(request: pytest.FixtureRequest, aws: EmbeddedAws) -> Iterator[Pipeline]:
    engine = {
        "lambda": {"Mode": "lambda"},
        "fargate": {"Mode": "fargate"},
        "cloudtrail": {"Mode": "fargate", "EventSource": "cloudtrail"},
    }[request.param]
    stack, chosen = f"topic-{request.param}", {**engine, "Command": COMMAND, "ResultTopic": "true"}
    made = Pipeline(aws, stack, aws.deploy_all({stack: chosen})[stack])
    yield made
    assert made.failures() == []


# The topic hears of objects, whichever engine wrote them: that each does is shown once for each.
IN_ONE_MODE = pytest.mark.parametrize("pipeline", ["lambda"], indirect=True)


class Subscriber:
    """The queue of docs/RESULTS.md, as its template makes it."""

    def __init__(self, pipeline: Pipeline, *, filtered: bool) -> None:
        self._aws = pipeline.aws
        self._stack = f"{pipeline.stack}-subscriber-{'filtered' if filtered else 'all'}"
        (template,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/RESULTS.md").read_text(), re.S)
        if not filtered:
            template = re.sub(r"\n *FilterPolicy.*", "", template)
        self._cloudformation = self._aws.client("cloudformation")
        arn = {"ParameterKey": "TopicArn", "ParameterValue": pipeline.outputs["ResultTopicArn"]}
        self._cloudformation.create_stack(
            StackName=self._stack, TemplateBody=template, Parameters=[arn]
        )
        self._wait("stack_create_complete")
        self._queue = self._aws.outputs(self._stack)["QueueUrl"]

    def close(self) -> None:
        self._cloudformation.delete_stack(StackName=self._stack)
        self._wait("stack_delete_complete")

    def _wait(self, what: str) -> None:
        waiter = self._cloudformation.get_waiter(what)
        waiter.wait(StackName=self._stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})

    def messages(self, count: int) -> list[Json]:
        """So many, and any that come soon after them. Raises NothingCame."""
        found: list[Json] = []

        def receive() -> bool:
            found.extend(self.receive())
            return len(found) >= count

        until(receive, f"{count} messages")
        time.sleep(QUIET_SECONDS)
        return found + self.receive()

    def receive(self) -> list[Json]:
        """Those that are there now, each once."""
        sqs, found = self._aws.client("sqs"), []
        while received := sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, VisibilityTimeout=60
        ).get("Messages"):
            for each in received:
                found.append(json.loads(each["Body"]))
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture
def subscriber(pipeline: Pipeline) -> Iterator[Subscriber]:
    with contextlib.closing(Subscriber(pipeline, filtered=False)) as made:
        yield made


def test_each_result_is_told_of_once_and_no_file_of_a_manifest(
    pipeline: Pipeline, subscriber: Subscriber
) -> None:
    bodies = {f'input/load/{number} "quoted" \\ ü\t.bin': b"one" for number in range(3)}
    bodies |= {f"input/load/bad-{number}": b"" for number in range(2)}
    bodies["input/load/several"] = b"more than four bytes"
    versions = {}
    for key, body in bodies.items():
        versions[key] = pipeline.upload(key, body)
        time.sleep(0.25)  # the embedded AWS starts a process for each at once
    expected = {}
    for key, version in versions.items():
        assert pipeline.result(key, version).is_output is bool(bodies[key])
        expected[output_key(key) if bodies[key] else rejection_key(key)] = bool(bodies[key])
    told = subscriber.messages(len(expected))
    assert Counter(each["key"] for each in told) == Counter(dict.fromkeys(expected, 1))
    assert pipeline.keys("files/load/several/")
    for each in told:
        assert each.keys() == {"id", "outcome", "bucket", "key", "time"}
        assert each["id"][0] == each["key"]
        assert each["bucket"] == pipeline.bucket
        assert each["outcome"] == ("succeeded" if expected[each["key"]] else "rejected")


@IN_ONE_MODE
def test_another_result_has_another_id_and_a_copy_has_the_same(
    pipeline: Pipeline, subscriber: Subscriber
) -> None:
    events = pipeline.aws.client("events")
    rule = f"outputs-{pipeline.bucket.removeprefix('uploads-')}"
    (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
    for body in (b"1", b"2"):
        pipeline.result("input/again", pipeline.upload("input/again", body))
    first, second = subscriber.messages(2)
    assert first["key"] == second["key"]
    assert first["id"] != second["id"]
    # A second target gets the same event, as the first does when EventBridge sends it twice.
    events.put_targets(Rule=rule, Targets=[{**target, "Id": "copy"}])
    try:
        pipeline.result("input/copied", pipeline.upload("input/copied", b"1"))
        one, copy = subscriber.messages(2)
    finally:
        events.remove_targets(Rule=rule, Ids=["copy"])
    assert one == copy


@IN_ONE_MODE
def test_a_filter_looks_into_the_message(pipeline: Pipeline) -> None:
    with contextlib.closing(Subscriber(pipeline, filtered=True)) as subscriber:
        pipeline.result("input/bad", pipeline.upload("input/bad", b""))
        pipeline.result("input/good", pipeline.upload("input/good", b"1"))
        (told,) = subscriber.messages(1)
    assert told["key"] == "output/good"


@contextlib.contextmanager
def attribute(pipeline: Pipeline, name: str, value: str) -> Iterator[None]:
    """Another one of the topic, for a while."""
    sns, arn = pipeline.aws.client("sns"), pipeline.outputs["ResultTopicArn"]
    before = sns.get_topic_attributes(TopicArn=arn)["Attributes"].get(name, "")
    sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    try:
        yield
    finally:
        sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=before)


@IN_ONE_MODE
def test_what_the_topic_refuses_is_a_failure_of_no_upload(
    pipeline: Pipeline, subscriber: Subscriber
) -> None:
    key = "input/untold"
    with attribute(pipeline, "Policy", json.dumps({"Version": "2012-10-17", "Statement": []})):
        pipeline.result(key, pipeline.upload(key, b"1"))
        failure = pipeline.failure(None)
    assert (failure["source"], failure["stopCode"]) == ("topic", "NO_PERMISSIONS")
    assert (failure["key"], failure["started"]) == (None, False)
    assert f"nobody was told of s3://{pipeline.bucket}/output/untold: " in failure["reason"]
    assert pipeline.keys(".sweep/failures/") == []
    pipeline.result("input/told", pipeline.upload("input/told", b"1"))
    assert [each["key"] for each in subscriber.messages(1)] == ["output/told"]


@IN_ONE_MODE
def test_a_key_must_let_eventbridge_in(pipeline: Pipeline, subscriber: Subscriber) -> None:
    kms = pipeline.aws.client("kms")
    security = (ROOT / "docs/SECURITY.md").read_text()
    text = security.split("\n## A key of your own\n")[1].split("```json\n")[1].split("```")[0]
    policy = json.loads(text.replace("ACCOUNT", "000000000000").replace("REGION", "us-east-1"))
    others = [each for each in policy["Statement"] if each["Sid"] != "RulesToQueuesAndTopic"]
    arn = kms.create_key(Policy=json.dumps({**policy, "Statement": others}))["KeyMetadata"]["Arn"]
    with attribute(pipeline, "KmsMasterKeyId", arn):
        pipeline.result("input/locked", pipeline.upload("input/locked", b"1"))
        assert "kms:GenerateDataKey" in pipeline.failure(None)["reason"]
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))
        pipeline.result("input/opened", pipeline.upload("input/opened", b"1"))
        assert [each["key"] for each in subscriber.messages(1)] == ["output/opened"]
