"""Custom resource: the worker's image, built from the layer while the stack deploys.

Only starts the build, which takes longer than a function should wait: the build answers
CloudFormation itself (see ImageBuild in template.yaml). What needs no build is answered here.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import boto3

Request = dict[str, Any]


def handler(request: Request, context: object) -> None:
    """Start a build of the layer version, unless its image is there already."""
    try:
        if request["RequestType"] == "Delete":  # the repository takes its images along
            answer(request, "SUCCESS")
            return
        layer = request["ResourceProperties"]["LayerVersionArn"]
        digest = find_image(tag := layer.rsplit(":", 1)[1])
        if digest:  # after a rollback, say
            answer(request, "SUCCESS", digest=digest)
        else:
            start_build(request, layer, tag)
    except Exception as error:  # whatever it is, the stack must not wait for an hour to hear of it
        answer(request, "FAILED", reason=f"the image's build did not start: {error}")


def find_image(tag: str) -> str | None:
    """The digest of the repository's image of that tag."""
    ecr = boto3.client("ecr")
    try:
        found = ecr.describe_images(
            repositoryName=os.environ["REPOSITORY"], imageIds=[{"imageTag": tag}]
        )
    except ecr.exceptions.ImageNotFoundException:
        return None
    return str(found["imageDetails"][0]["imageDigest"])


def start_build(request: Request, layer: str, tag: str) -> None:
    """Hand the request on to the build, which answers it."""
    variables = {
        "LAYER_VERSION_ARN": layer,
        "IMAGE_TAG": tag,
        "RESPONSE_URL": request["ResponseURL"],
        "RESPONSE": json.dumps(response(request)),
    }
    boto3.client("codebuild").start_build(
        projectName=os.environ["PROJECT"],
        environmentVariablesOverride=[
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
        ],
    )


def response(request: Request) -> dict[str, Any]:
    """What every answer repeats of its request. The resource's own name never changes, not even
    with the repository, so that CloudFormation updates it in place."""
    return {
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "PhysicalResourceId": request.get("PhysicalResourceId", os.environ["REPOSITORY"]),
    }


def answer(request: Request, status: str, digest: str | None = None, reason: str = "") -> None:
    """Send CloudFormation the end of the request."""
    body = response(request) | {"Status": status, "Reason": reason, "Data": {"Digest": digest}}
    put = urllib.request.Request(  # noqa: S310 (the address comes from CloudFormation)
        request["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},  # the address is signed for no type
    )
    urllib.request.urlopen(put, timeout=30).close()  # noqa: S310
