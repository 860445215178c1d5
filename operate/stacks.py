"""Find a stack of this template, and the buckets that it has made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import boto3
from botocore.exceptions import ClientError

_OURS = {"Mode", "EventSource", "InputPrefix", "OutputPrefix", "RejectedPrefix"}
"""Parameters that tell a stack of this template from any other."""

Client = Any
"""boto3 makes its classes as it runs."""


class NoStack(Exception):
    """There is no such stack of this template: what there is."""


@dataclass(frozen=True)
class Stack:
    """A stack, or what CloudFormation remembers of a deleted one."""

    id: str
    name: str
    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]

    @classmethod
    def parse(cls, described: dict[str, Any]) -> Self:
        """From one of what DescribeStacks gives."""
        parameters = described.get("Parameters", [])
        outputs = described.get("Outputs", [])
        return cls(
            id=described["StackId"],
            name=described["StackName"],
            status=described["StackStatus"],
            parameters={p["ParameterKey"]: p["ParameterValue"] for p in parameters},
            outputs={o["OutputKey"]: o["OutputValue"] for o in outputs},
        )

    @property
    def is_ours(self) -> bool:
        """Whether it was made from this template."""
        return self.parameters.keys() >= _OURS

    def describe(self) -> str:
        """One line for whoever looks on."""
        _, _, _, region, account, _ = self.id.split(":", 5)
        mode, source = self.parameters["Mode"], self.parameters["EventSource"]
        how = f"{mode}, EventSource={source}" if mode == "fargate" else mode
        return f"stack {self.name} in {region}, account {account}: {how}, {self.status}"


def find(name: str) -> Stack:
    """The stack of this name. Raises NoStack."""
    stack = described(name)
    if not stack:
        raise NoStack(absent(name))
    if not stack.is_ours:
        raise NoStack(foreign(name))
    return stack


def described(name: str) -> Stack | None:
    """The stack of this name, whatever template it is of; None when there is none."""
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return Stack.parse(found[0])


def foreign(name: str) -> str:
    """That the stack is somebody else's."""
    return f"the stack {name!r} was not made from this template: hands off"


def absent(name: str, more: str = "") -> str:
    """That there is no such stack, and which ones of this template there are instead."""
    cloudformation = boto3.client("cloudformation")
    region = cloudformation.meta.region_name
    try:
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        found = [Stack.parse(each) for page in pages for each in page["Stacks"]]
        names = ", ".join(sorted(stack.name for stack in found if stack.is_ours))
        others = f"of this template there are (STACK=...): {names or 'none'}"
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        others = "which ones there are, these credentials may not list"
    return f"there is no stack {name!r} in {region}{more}; {others}"


def deleted(name: str) -> list[Stack]:
    """The deleted stacks of this name, which CloudFormation remembers for 90 days."""
    cloudformation = boto3.client("cloudformation")
    pages = cloudformation.get_paginator("list_stacks").paginate(
        StackStatusFilter=["DELETE_COMPLETE"]
    )
    ids = [s["StackId"] for page in pages for s in page["StackSummaries"] if s["StackName"] == name]
    found = [Stack.parse(cloudformation.describe_stacks(StackName=i)["Stacks"][0]) for i in ids]
    return [stack for stack in found if stack.is_ours]


def buckets(stack: Stack) -> list[str]:
    """The buckets that are still there of all that the stack has ever made.

    It no longer knows of those that it retained, such as the one of a trail when EventSource
    changed; its events do, for 90 days.
    """
    cloudformation = boto3.client("cloudformation")
    events = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.id)
    records = [event for page in events for event in page["StackEvents"]]
    records += resources(stack)
    names = {
        record.get("PhysicalResourceId")
        for record in records
        if record["ResourceType"] == "AWS::S3::Bucket"
    }
    return sorted(name for name in names if name and _is_ours(name))


def repositories(stack: Stack) -> list[str]:
    """The stack's image repositories."""
    return [
        resource["PhysicalResourceId"]
        for resource in resources(stack)
        if resource["ResourceType"] == "AWS::ECR::Repository"
        and resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def resources(stack: Stack) -> Iterator[dict[str, Any]]:
    """The stack's resources, as ListStackResources gives them."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack.id):
        yield from page["StackResourceSummaries"]


def _is_ours(bucket: str) -> bool:
    """Whether the bucket exists, and in this account: its name may be someone else's by now."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    try:
        boto3.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True
