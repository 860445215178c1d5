"""The worker's image, built from the layer while the stack deploys.

Only starts the build (build-image.sh), which takes longer than a function should wait: the build
responds to CloudFormation itself. What needs no build gets its response here.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from pathlib import Path
from typing import Any

import boto3

PAUSE_SECONDS = 20
RESPONSE_SECONDS = 40
"""Kept of the function's own time, for the last call and the response."""
SCRIPT = Path(__file__).with_name("build-image.sh")


class NoRoom(Exception):
    """CodeBuild has not let a build begin for as long as this function may wait."""


def make(
    request: dict[str, Any],
    response: dict[str, Any],
    context: Any,  # noqa: ANN401, Lambda's own class
) -> dict[str, Any] | None:
    """The digest of the image of a layer version and a JobVersion; None when a build begins."""
    layer = request["ResourceProperties"]["LayerVersionArn"]
    job_version = request["ResourceProperties"]["JobVersion"]
    tag = "-".join(filter(None, [layer.rsplit(":", 1)[1], job_version]))
    if digest := find(tag):  # after a rollback, say
        return {"Digest": digest}
    variables = {
        "LAYER_VERSION_ARN": layer,
        "IMAGE_TAG": tag,
        "RESPONSE_URL": request["ResponseURL"],
        "RESPONSE": json.dumps(response),
    }
    start_build(variables, context)
    return None


def find(tag: str) -> str | None:
    """The digest of the repository's image of that tag."""
    ecr = boto3.client("ecr")
    try:
        found = ecr.describe_images(
            repositoryName=os.environ["REPOSITORY"], imageIds=[{"imageTag": tag}]
        )
    except ecr.exceptions.ImageNotFoundException:
        return None
    return str(found["imageDetails"][0]["imageDigest"])


def buildspec() -> str:
    """The script as the only command, in a bash of its own. JSON is YAML, which CodeBuild reads."""
    command = f"bash -c {shlex.quote(SCRIPT.read_text())}"
    spec = {"version": 0.2, "phases": {"build": {"commands": [command]}}}
    return json.dumps(spec, indent=2)


def start_build(variables: dict[str, str], context: Any) -> None:  # noqa: ANN401
    """Hand the request on to a build, which responds to it. Raises NoRoom.

    A new account may have one build at a time, or none. Another stack's build ends within minutes,
    so this waits for it, and not Lambda's two retries: an invocation can't know that it is the
    last one, and after that nobody would respond to CloudFormation.
    """
    codebuild = boto3.client("codebuild")
    while True:
        try:
            codebuild.start_build(
                projectName=os.environ["PROJECT"],
                buildspecOverride=buildspec(),
                environmentVariablesOverride=[
                    {"name": name, "value": value, "type": "PLAINTEXT"}
                    for name, value in variables.items()
                ],
            )
            return
        except codebuild.exceptions.AccountLimitExceededException as error:
            left = context.get_remaining_time_in_millis() / 1000 - RESPONSE_SECONDS
            if left < PAUSE_SECONDS:
                raise NoRoom(
                    f"CodeBuild starts no build of the image: {error}. Ask AWS (Service Quotas, "
                    "CodeBuild) for more concurrent builds, or deploy with WorkerImageUri, an "
                    "image that you have built"
                ) from error
        time.sleep(PAUSE_SECONDS)
