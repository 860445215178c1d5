"""Delete a stack and the buckets that it retains, after showing what is in them and asking.

First it disables what starts tasks and stops those that run: CloudFormation can't delete the
cluster and the subnets of a task, and leaves them behind.

    python -m operate.destroy STACK [--keep-data] [--yes]

Works too when the stack is already gone: CloudFormation remembers its buckets for 90 days.

Exit codes: 0 deleted, 1 not (all) deleted, 2 wrong arguments, or no such stack.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from tooling import paths
from tooling.progress import step
from tooling.usage import MakeParser

from . import stacks, tasks, versions
from .stacks import Client, NoStack, Stack

_DELETED = "DELETE_COMPLETE"
_TRIES = 10
_SECONDS_BETWEEN = 6
"""A trail's last records, and the results of jobs that were running, come after the stack went."""


class NotDestroyed(Exception):
    """Something is still there: what, and why."""


class Plan(NamedTuple):
    """What there is of a stack."""

    live: list[Stack]
    """The stack itself; none when it is gone."""
    buckets: list[str]


def main(arguments: list[str] | None = None) -> int:
    """Ask and delete; gives the exit code."""
    chosen = parse(arguments)
    try:
        plan = look(chosen.stack)
        show(plan, chosen.keep_data)
        if not plan.live and chosen.keep_data:
            print("The stack is gone already: nothing to do.")
            return 0
        if not (chosen.yes or confirmed(chosen.stack)):
            print("Nothing was deleted.")
            return 1
        for stack in plan.live:
            delete(stack)
        for bucket in [] if chosen.keep_data else plan.buckets:
            with step(f"deleting s3://{bucket}"):
                delete_bucket(bucket)
    except (NoStack, NoCredentialsError, NoRegionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (
        NotDestroyed,
        tasks.StillRunning,
        versions.NotDeleted,
        BotoCoreError,
        ClientError,
    ) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; run it again to delete what is left", file=sys.stderr)
        return 130
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the program with exit code 2."""
    text = (__doc__ or "").split("\n")[0]
    parser = MakeParser("destroy", "[STACK=uploads] [KEEP_DATA=1] [YES=1]", text)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--keep-data", action="store_true", help="leave the buckets")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


def look(name: str) -> Plan:
    """What there is of the stack, or of deleted ones of that name. Raises NoStack."""
    stack = stacks.described(name)
    found = [stack] if stack and stack.is_ours else stacks.deleted(name)
    if not found:
        more = ", nor was one deleted in the last 90 days"
        raise NoStack(stacks.foreign(name) if stack else stacks.absent(name, more))
    buckets = [bucket for stack in found for bucket in stacks.buckets(stack)]
    live = [stack for stack in found if stack.status != _DELETED]
    if not live and not buckets:
        raise NoStack(f"the stack {name!r} is gone, and so are its buckets")
    return Plan(live, buckets)


def show(plan: Plan, keep_data: bool) -> None:
    """Say what is going to be deleted."""
    for stack in plan.live:
        print(stack.describe())
        if theirs := stack.parameters.get("BucketName"):
            print(f"  s3://{theirs}: yours, is kept, with everything in it")
        if (cluster := tasks.cluster(stack)) and (running := len(tasks.alive(cluster))):
            print(f"  {running} running tasks, will be STOPPED")
        for repository in stacks.repositories(stack):
            print(f"  repository {repository}: {images(repository)} images, will be DELETED")
    fate = "will be kept" if keep_data else "will be DELETED"
    for bucket in plan.buckets:
        print(f"  s3://{bucket}: {content(bucket)}, {fate}")


def images(repository: str) -> int:
    """How many images a repository has."""
    pages = boto3.client("ecr").get_paginator("list_images").paginate(repositoryName=repository)
    return sum(len(page["imageIds"]) for page in pages)


def content(bucket: str) -> str:
    """How much is in a bucket, in words."""
    count = size = 0
    for version in versions.versions(bucket):
        count, size = count + 1, size + version.bytes
    begun = len(list(versions.unfinished(bucket)))
    words = f"{count:,} versions of objects, {size:,} bytes"
    return f"{words}, {begun} unfinished uploads" if begun else words


def confirmed(name: str) -> bool:
    """Have the stack's name typed."""
    try:
        return input("There is no way back. Type the stack's name to delete it: ") == name
    except EOFError:
        print()
        return False


def delete(stack: Stack) -> None:
    """End the stack's tasks, and delete it. Raises NotDestroyed, StillRunning."""
    if described(stack)["EnableTerminationProtection"]:
        raise NotDestroyed(
            f"the stack is {stack.status}, and its buckets are untouched: "
            "it cannot be deleted while TerminationProtection is enabled"
        )
    with ExitStack() as undo:
        if cluster := tasks.cluster(stack):
            print("disabling what starts tasks, and stopping those that run", flush=True)
            tasks.keep_from_starting(stack, undo)
            tasks.stop(cluster)
        try:
            delete_stack(stack)
        finally:
            if described(stack)["StackStatus"].startswith("DELETE_"):
                undo.pop_all()  # there is no way back, whatever of it is left


def described(stack: Stack) -> dict[str, Any]:
    """What CloudFormation says of it now, even when it is gone."""
    found = boto3.client("cloudformation").describe_stacks(StackName=stack.id)["Stacks"]
    return {"EnableTerminationProtection": False, **found[0]}


def delete_stack(stack: Stack) -> None:
    """`sam delete`: it deletes the code that `sam deploy` uploaded, too, and tries twice.

    Shows what goes as it goes. Raises NotDestroyed.
    """
    cloudformation = boto3.client("cloudformation")
    region = cloudformation.meta.region_name
    command = [str(paths.SAM), "delete", f"--stack-name={stack.name}", f"--region={region}"]
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "PYTHONWARNINGS": "ignore"}
    shown = {event for event, _ in _events(cloudformation, stack)}
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(  # noqa: S603, a list and no shell
            [*command, "--no-prompts"], env=environment, cwd=paths.ROOT, stdout=said, stderr=said
        ) as deleting:
            running = True
            while running:
                try:
                    deleting.wait(2)
                    running = False
                except subprocess.TimeoutExpired:
                    pass
                for event, line in _events(cloudformation, stack):
                    if event not in shown:
                        print(f"  {line}", flush=True)
                        shown.add(event)
        said.seek(0)
        output = said.read().strip()
    status = described(stack)["StackStatus"]
    if status != _DELETED:
        raise NotDestroyed(f"the stack is {status}, and its buckets are untouched:\n{output}")


def _events(cloudformation: Client, stack: Stack) -> list[tuple[str, str]]:
    """The ids of the latest events about deletions that ended, and what they say, oldest first."""
    latest = cloudformation.describe_stack_events(StackName=stack.id)["StackEvents"]
    return [
        (
            event["EventId"],
            f"{event['ResourceStatus']:15}  {event['LogicalResourceId']}"
            f"  {event.get('ResourceStatusReason', '')}".rstrip(),
        )
        for event in reversed(latest)
        if event["ResourceStatus"] in (_DELETED, "DELETE_SKIPPED", "DELETE_FAILED")
    ]


def delete_bucket(bucket: str) -> None:
    """Empty it and delete it. Raises NotDestroyed, NotDeleted."""
    s3 = boto3.client("s3")
    for _ in range(_TRIES):
        try:
            versions.empty(bucket)
            s3.delete_bucket(Bucket=bucket)
            return
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchBucket":
                return
            if code != "BucketNotEmpty":
                raise
        time.sleep(_SECONDS_BETWEEN)
    raise NotDestroyed(f"s3://{bucket}: files keep coming in")


if __name__ == "__main__":
    sys.exit(main())
