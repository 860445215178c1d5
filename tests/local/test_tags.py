"""The stack's tags are on its tasks, and whoever starts one must be allowed to tag it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from local.aws import EmbeddedAws
from local.pipeline import Pipeline
from tests.local.test_sweep import Sweeper
from tests.support.running_tasks import wait_until_stopped

TAG = {"Key": "team", "Value": "pictures"}


@pytest.fixture(scope="module")
def pipeline(aws: EmbeddedAws) -> Iterator[Pipeline]:
    """As `sam deploy --tags team=pictures` makes it."""
    made = Pipeline(aws, "tags", aws.deploy_all({"tags": {"Mode": "fargate"}})["tags"])
    cloudformation = aws.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="tags")["Stacks"]
    cloudformation.update_stack(
        StackName="tags",
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
            for each in stack["Parameters"]
        ],
        Tags=[TAG],
    )
    waiter = cloudformation.get_waiter("stack_update_complete")
    waiter.wait(StackName="tags", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    yield made
    assert made.failures() == []


def tags_of_tasks(pipeline: Pipeline) -> dict[str, list[dict[str, str]]]:
    """By what started each task, when all have ended."""
    ecs, cluster = pipeline.aws.client("ecs"), pipeline.outputs["ClusterArn"]
    arns = [each["taskArn"] for each in wait_until_stopped(ecs, cluster)]
    found = ecs.describe_tasks(cluster=cluster, tasks=arns, include=["TAGS"])["tasks"]
    return {each["startedBy"].partition("/")[0]: each["tags"] for each in found}


def test_tasks_have_the_stacks_tags_whoever_starts_them(pipeline: Pipeline) -> None:
    pipeline.result("input/a", pipeline.upload("input/a", b""))
    sweeper = Sweeper(pipeline)
    with sweeper.without_grace(), sweeper.events_are_lost():
        version = pipeline.upload("input/b", b"")
        sweeper()
        pipeline.result("input/b", version)
    expected = [{"key": TAG["Key"], "value": TAG["Value"]}]
    found = tags_of_tasks(pipeline)
    assert found == {"events-rule": expected, "sweep": expected}


def test_a_task_that_may_not_be_tagged_is_not_started(pipeline: Pipeline) -> None:
    iam, role = pipeline.aws.client("iam"), pipeline.resource("UploadRuleRole")
    deny = {"Effect": "Deny", "Action": "ecs:TagResource", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=document)
    try:
        pipeline.upload("input/untagged", b"")
        failure = pipeline.failure("input/untagged")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")
    assert (failure["source"], failure["stopCode"]) == ("launch", "NO_PERMISSIONS")
    assert "ecs:TagResource" in failure["reason"]
