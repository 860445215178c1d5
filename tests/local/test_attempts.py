"""The table of attempts, each one made on the embedded AWS with the role's own credentials."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from local.aws import REGION, EmbeddedAws
from local.pipeline import until
from tests.local.calls import MANIFEST, Role
from tests.support.arns import FORMATS, OTHERS, arn, task_in
from tests.support.attempts.attempt import DEPLOYED, STACKS, Attempt
from tests.support.attempts.table import ATTEMPTS
from tests.support.cases import in_turn

PLACE = {"partition": "aws", "region": REGION, "account": "000000000000"}
MADE = [attempt for attempt in ATTEMPTS if attempt.can_be_made]


@contextmanager
def image_is_there_already(aws: EmbeddedAws, stack: str) -> Iterator[None]:
    """Nothing builds images on the embedded AWS: the stack finds the layer's in its repository."""
    ecr, given_up = aws.client("ecr"), threading.Event()

    def pushed() -> bool:
        for repository in ecr.describe_repositories()["repositories"]:
            name = repository["repositoryName"]
            if name.startswith(stack.lower()):
                ecr.put_image(repositoryName=name, imageTag="1", imageManifest=MANIFEST)
                return True
        return given_up.is_set()

    pusher = threading.Thread(target=until, args=(pushed, "a repository", 120))
    pusher.start()
    try:
        yield
    finally:
        given_up.set()
        pusher.join()


def arns(aws: EmbeddedAws, stack: str) -> dict[str, str]:
    """ARN of every resource that has one, by logical id."""
    found = aws.client("cloudformation").describe_stack_resources(StackName=stack)
    return {
        "ProcessingLayer" if each["LogicalResourceId"].startswith("ProcessingLayer")
        else each["LogicalResourceId"]: physical(each["ResourceType"], each["PhysicalResourceId"])
        for each in found["StackResources"]
        if each["ResourceType"] in FORMATS
    }  # fmt: skip


def physical(kind: str, identity: str) -> str:
    """The ARN of what CloudFormation knows by an ARN, an address or a name."""
    if identity.startswith("arn:"):
        return identity
    return arn(kind, identity.rpartition("/")[2] if "://" in identity else identity, **PLACE)


@pytest.fixture(scope="module")
def stacks(aws: EmbeddedAws) -> dict[str, dict[str, str]]:
    """ARNs by logical id, of each stack that the table is about."""
    parameters = {f"attempts-{name}": STACKS[name] for name in DEPLOYED}
    # It is there, so that a call that is let through would come back with a file.
    _, bucket = OTHERS["OtherBucket"]
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="a.png", Body=b"a secret")
    with image_is_there_already(aws, "attempts-hybrid"):
        aws.deploy_all(parameters)
    return {name: arns(aws, f"attempts-{name}") for name in DEPLOYED}


@pytest.fixture(scope="module")
def roles(aws: EmbeddedAws, stacks: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], Role]:
    """Every role, taken on as its service would."""
    taken = {(attempt.stack, attempt.by) for attempt in MADE}
    return {(stack, role): Role(aws, stacks[stack][role]) for stack, role in taken}


@in_turn("attempt", MADE)
def test_the_embedded_aws_allows_what_is_needed_and_nothing_else(
    attempt: Attempt,
    stacks: Mapping[str, Mapping[str, str]],
    roles: Mapping[tuple[str, str], Role],
) -> None:
    names = {name: arn(*other, **PLACE) for name, other in OTHERS.items()} | stacks[attempt.stack]
    names["Task"] = task_in(names["Cluster"])
    names |= {name.capitalize(): value for name, value in PLACE.items()}
    cluster = attempt.given.get("ecs:cluster", "{Cluster}").format_map(names)
    role = roles[attempt.stack, attempt.by]
    refusal = role.refusal(attempt.action, attempt.on.format_map(names), cluster)
    assert (refusal == "") is attempt.allowed, refusal
