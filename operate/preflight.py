"""Before `sam deploy`: say what stops a deployment, and wait for tasks whose network it takes away.

    python -m operate.preflight STACK [--built .aws-sam/build] Mode=fargate [Name=value ...]

It changes nothing, and says all that it found at once, each with its remedy. It looks twice: before
the build, which takes a while, and with --built after it, at what was built.

Exit codes: 0 nothing stops it, 1 something does, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import boto3
import bucket as named_bucket
from botocore.exceptions import BotoCoreError, ClientError

from . import stacks, tasks
from .stacks import Client, Stack
from .tasks import StillRunning

LONGEST_NAME = 128
"""Of a stack. Its layer and its task definitions have the same name, and may have longer ones."""
LONGEST_NAME_WITH_BOUNDARY = 64 - len("-ExecutionRole-") - 13
"""A role is called STACK-ExecutionRole-<up to 13 characters>, cut to 64 in a way that is not
documented, and the boundary of SECURITY.md knows the roles of tasks by STACK-."""
BUILDS = {"x86_64": ("L-9D07B6EF", "Linux/Small"), "arm64": ("L-5ED1D25B", "ARM/Small")}
"""CodeBuild's quotas "Concurrently running builds for ... environment", by Architecture, with the
codes that `aws service-quotas list-service-quotas --service-code codebuild` gives them."""
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""What worker/Makefile calls them."""
START_SECONDS = 600
"""For a task to be placed, to pull its image, and to be gone."""
S3_SECONDS = 60
"""A task may take so much longer than TaskTimeout (processing.__main__)."""

Parameters = Mapping[str, str]


class Finding(NamedTuple):
    """Something about the deployment, and what to do."""

    what: str
    remedy: str
    stops: bool = True
    """False: it may go well all the same."""


def main(arguments: list[str] | None = None) -> int:
    """Look, say what was found, wait; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m operate.preflight", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--built", type=Path, help="the folder that `sam build` made")
    parser.add_argument("parameters", nargs="*", metavar="Name=value", help="as for `sam deploy`")
    chosen = parser.parse_intermixed_args(arguments)
    asked = dict(word.split("=", 1) for word in chosen.parameters if "=" in word)
    try:
        found = list(on_built(chosen.built, asked) if chosen.built else look(chosen.stack, asked))
        for finding in found:
            kind = "stops the deployment" if finding.stops else "note"
            print(f"{kind}: {finding.what}\n  {finding.remedy}", file=sys.stderr)
        if any(finding.stops for finding in found):
            return 1
        if chosen.built:
            wait_for_tasks(chosen.stack, asked)
    except (BotoCoreError, ClientError, StillRunning) as error:
        print(f"stops the deployment: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def look(name: str, asked: Parameters) -> Iterator[Finding]:
    """All that can be known before the build. Raises BotoCoreError, ClientError."""
    account = [*on_account()]
    yield from account
    stack = None if account else stacks.described(name)
    # `sam deploy` keeps the value of a parameter that it is not given.
    parameters = {**(stack.parameters if stack else {}), **asked}
    yield from on_name(name, parameters)
    if stack:
        yield from on_stack(stack)
    if not account and parameters.get("BucketName"):
        yield from on_bucket(parameters["BucketName"])
    if not account and builds_image(parameters):
        yield from on_quota(boto3.client("service-quotas"), parameters["Architecture"])


def on_account(new_session: Callable[[], boto3.Session] = boto3.Session) -> Iterator[Finding]:
    """Whether there are credentials that AWS takes, and a region."""
    try:
        session = new_session()
        if not session.region_name:
            yield Finding("no region is chosen", "export AWS_REGION=us-east-1, or `aws configure`")
        if not session.get_credentials():
            yield Finding(
                "there are no credentials",
                "`aws configure`, `aws sso login`, or AWS_PROFILE=... for one that you have",
            )
        elif session.region_name:
            session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding(
            f"AWS can't be reached with these credentials and this region: {error}",
            "`aws sts get-caller-identity` must work; `aws sso login` renews credentials",
        )


def on_name(name: str, parameters: Parameters) -> Iterator[Finding]:
    """Whether what is made in the stack's name can be called so."""
    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_NAME - 1}}}", name):
        yield Finding(
            f"{name!r} can't be the name of a stack",
            f"STACK=... of up to {LONGEST_NAME} letters, digits and hyphens, a letter first",
        )
    elif parameters.get("PermissionsBoundaryArn") and len(name) > LONGEST_NAME_WITH_BOUNDARY:
        yield Finding(
            f"the stack's name has {len(name)} characters, so CloudFormation cuts the names of "
            "its roles, and a boundary that knows them by the stack's name may not match",
            f"STACK=... of up to {LONGEST_NAME_WITH_BOUNDARY} characters, or a boundary that "
            "allows iam:PassRole for the names that the roles get",
            stops=False,
        )


def on_stack(stack: Stack) -> Iterator[Finding]:
    """Whether CloudFormation lets this stack be changed. One in review was never made."""
    region = stack.id.split(":")[3]
    of_stack = f"--stack-name {stack.name} --region {region}"
    if stack.status == "REVIEW_IN_PROGRESS":
        return
    if not stack.is_ours:
        yield Finding(
            f"the stack {stack.name!r} was not made from this template, which would replace it",
            "another name: STACK=...",
        )
    elif stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        yield Finding(
            f"the stack {stack.name!r} is {stack.status}: it can only be deleted",
            f"see why: aws cloudformation describe-stack-events {of_stack}\n"
            f"  remove it: make destroy STACK={stack.name}, "
            f"or aws cloudformation delete-stack {of_stack}",
        )
    elif stack.status == "UPDATE_ROLLBACK_FAILED":
        yield Finding(
            f"the stack {stack.name!r} is {stack.status}",
            f"aws cloudformation continue-update-rollback {of_stack}",
        )
    elif stack.status.endswith("_IN_PROGRESS"):
        yield Finding(
            f"the stack {stack.name!r} is {stack.status}: it is being changed",
            f"wait until it is done: aws cloudformation describe-stacks {of_stack}",
        )


def on_bucket(name: str) -> Iterator[Finding]:
    """Whether the stack can use a bucket that somebody brings: as its own custom resource looks."""
    sts = boto3.client("sts")
    caller, region = sts.get_caller_identity(), sts.meta.region_name
    bucket = named_bucket.Bucket(name, caller["Account"], region, f"you ({caller['Arn']})")
    try:
        bucket.check()
    except named_bucket.NoBucket as error:
        # Who may not look may deploy all the same: the stack's role is another one.
        refused = isinstance(error, named_bucket.Refused)
        yield Finding(error.what, error.remedy, stops=not refused)


def builds_image(parameters: Parameters) -> bool:
    """Whether the stack makes the tasks' image itself."""
    return parameters.get("Mode") in ("fargate", "hybrid") and not parameters.get("WorkerImageUri")


def on_quota(quotas: Client, architecture: str) -> Iterator[Finding]:
    """Whether CodeBuild may run a build; new accounts may have none."""
    code, kind = BUILDS[architecture]
    quota = f"CodeBuild's quota of concurrently running builds ({kind}, {code})"
    try:
        reply = quotas.get_service_quota(ServiceCode="codebuild", QuotaCode=code)
    except (BotoCoreError, ClientError) as error:
        yield Finding(
            f"{quota} can't be read: {error}",
            "if it is 0, the stack can't build its image",
            stops=False,
        )
        return
    if reply["Quota"]["Value"] < 1:
        yield Finding(
            f"{quota} is 0, so the stack can't build its image",
            "aws service-quotas request-service-quota-increase --service-code codebuild "
            f"--quota-code {code} --desired-value 1\n"
            '  or an image of your own: PARAMETERS="WorkerImageUri=..."',
        )


def on_built(folder: Path, parameters: Parameters) -> Iterator[Finding]:
    """Whether the layer was built for what is to run it."""
    architecture = parameters["Architecture"]
    layer = folder / "ProcessingLayer"
    try:
        machine = (layer / "python/processing/built_for.py").read_text().strip()
    except FileNotFoundError:
        yield Finding(f"there is no layer in {layer}", "sam build")
        return
    if machine != f'MACHINE = "{MACHINES[architecture]}"':
        yield Finding(
            f"the layer is not for Architecture={architecture}: it was built with {machine}",
            f"build it again: make deploy ARCHITECTURE={architecture}",
        )
    packages = layer / "packages.txt"
    if parameters.get("Mode") != "fargate" and packages.exists() and packages.read_text():
        yield Finding(
            f"functions have none of the job's Debian packages: {packages.read_text().split()}",
            "MODE=fargate, if the job can't do without them",
            stops=False,
        )


def wait_for_tasks(name: str, asked: Parameters, start: float = START_SECONDS) -> None:
    """Wait until no task is in a network that goes. Raises StillRunning.

    CloudFormation deletes it under running tasks: they fail, and what can't be deleted while they
    run is left behind. What starts tasks is not disabled meanwhile: a deployment that fails or
    leaves a rule as it is would leave it disabled, and nobody would know.
    """
    stack = stacks.described(name)
    if not stack or not (change := network_goes(stack.parameters, asked)):
        return
    cluster = tasks.cluster(stack)
    if not cluster or not tasks.alive(cluster):
        return
    seconds = float(stack.parameters.get("TaskTimeout", 0)) + S3_SECONDS + start
    print(f"{change} takes away the network of running tasks: waiting until they have ended")
    try:
        tasks.wait(cluster, seconds)
    except StillRunning as error:
        rule = stack.outputs.get("RuleName")
        raise StillRunning(
            f"{error}, and {change} takes away their network\n"
            "  deploy again when nobody uploads, or after\n"
            f"  aws events disable-rule --name {rule}\n"
            "  (the sweep starts the jobs of what is uploaded meanwhile); "
            "if the rule is there afterwards: aws events enable-rule"
        ) from error


def network_goes(before: Parameters, asked: Parameters) -> str | None:
    """The change that deletes the cluster or (a part of) the network of running tasks, if any."""
    after = {**before, **asked}
    if before.get("Mode") == "lambda":
        return None
    if after["Mode"] == "lambda":
        return "Mode=lambda"
    changed = (name for name in ("Network", "VpcId") if after.get(name) != before.get(name))
    return next((f"{name}={after[name]}" for name in changed), None)


if __name__ == "__main__":
    sys.exit(main())
