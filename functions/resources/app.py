"""Custom resources: what the stack needs and CloudFormation can't make by itself.

Each type of resource has a module, whose `make` gives the resource's attributes; or None, where
somebody else responds to CloudFormation later. Making one twice is harmless: what stops this
function without a response (its time, its memory), Lambda tries twice more.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import bucket
import image
import service_linked_role

Request = dict[str, Any]

MAKE: dict[str, Callable[[Request, dict[str, Any], Any], dict[str, Any] | None]] = {
    "Custom::Bucket": bucket.make,
    "Custom::ServiceLinkedRole": service_linked_role.make,
    "Custom::WorkerImage": image.make,
}


def handler(request: Request, context: Any) -> None:  # noqa: ANN401, Lambda's own class
    """Make what is asked for, and tell CloudFormation."""
    # What every response repeats of its request. A resource's own name never changes, so that
    # CloudFormation updates it in place.
    response = {name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    response["PhysicalResourceId"] = request.get("PhysicalResourceId", request["LogicalResourceId"])
    try:
        # There is nothing to delete: the repository takes its images along, and the role and the
        # events of a bucket stay, because others may use them.
        deleted = request["RequestType"] == "Delete"
        made = {} if deleted else MAKE[request["ResourceType"]](request, response, context)
    except Exception as error:  # whatever it is, the stack must not wait for an hour to hear of it
        response |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"}
    else:
        if made is None:
            return
        response |= {"Status": "SUCCESS", "Data": made}
    put = urllib.request.Request(  # noqa: S310 (the address comes from CloudFormation)
        request["ResponseURL"],
        data=json.dumps(response).encode(),
        method="PUT",
        headers={"Content-Type": ""},  # the address is signed for no type
    )
    urllib.request.urlopen(put, timeout=30).close()  # noqa: S310
