"""The role with which ECS works in an account: AWSServiceRoleForECS.

A new account has none. ECS would make it by itself when it makes a cluster, but takes it on before
IAM knows it everywhere, and the first cluster of an account fails
(https://github.com/aws/containers-roadmap/issues/2614). CloudFormation's own resource for such
roles fails where the role exists, and would delete what other stacks need.
"""

from __future__ import annotations

import time
from typing import Any

import boto3

NAME = "AWSServiceRoleForECS"
SERVICE = "ecs.amazonaws.com"
PROPAGATION_SECONDS = 30
"""For a role that IAM shows here to be known wherever ECS takes it on. Assumed: AWS names no time.
An account waits once."""


def make(_request: object, _response: object, _context: object) -> dict[str, Any]:
    """Make the role where it is missing."""
    iam = boto3.client("iam")
    try:
        iam.get_role(RoleName=NAME)
    except iam.exceptions.NoSuchEntityException:
        try:
            iam.create_service_linked_role(AWSServiceName=SERVICE)
        except iam.exceptions.InvalidInputException as error:
            if "has been taken" not in str(error):  # somebody else has just made it
                raise
        iam.get_waiter("role_exists").wait(RoleName=NAME)  # for 20 s at most
        time.sleep(PROPAGATION_SECONDS)
    return {}
