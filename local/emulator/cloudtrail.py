"""CloudTrail: the Trail resource, and data events of S3 on the event bus; ministack has neither.

On AWS a record reaches EventBridge within minutes, best effort; here at once. Records of failed
calls and the log files in the trail's bucket are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import cloudtrail, s3
from ministack.services.cloudformation import provisioners

from . import bus
from .links import Link, PatchPoint

Json = Mapping[str, object]
Reply = tuple[int, object, bytes | str]

_API_CALL = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "PostObject",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


def apply() -> None:
    """Teach CloudFormation the resource, and S3 to have its writes recorded."""
    provisioners._RESOURCE_HANDLERS["AWS::CloudTrail::Trail"] = {
        "create": _create,
        "update": _update,
        "delete": _delete,
    }
    # This one and not _fire_s3_event, which is not called for a bucket without notifications.
    fire: Callable[..., None] = s3._fire_s3_event_async

    def fire_s3_event_async(
        bucket_name: str, key: str, event_name: str, *rest: object, **named: object
    ) -> None:
        fire(bucket_name, key, event_name, *rest, **named)
        call = _API_CALL.get(event_name)
        arn = f"arn:aws:s3:::{bucket_name}/{key}"
        if call and any(_records(selector, arn) for selector in _selectors_of_active_trails()):
            print(f"CloudTrail: {call} {json.dumps([bucket_name, key])}", flush=True)
            bus.emit("aws.s3", "AWS API Call via CloudTrail", record(call, bucket_name, key), [])

    s3._fire_s3_event_async = fire_s3_event_async


def _create(logical_id: str, properties: Json, stack: str) -> tuple[str, dict[str, str]]:
    name = str(properties.get("TrailName") or f"{stack}-{logical_id}")
    _done(cloudtrail._create_trail({**properties, "Name": name}))
    return _configure(name, properties)


def _update(name: str, old: Json, new: Json, stack: str) -> tuple[str, dict[str, str]]:
    _done(cloudtrail._update_trail({**new, "Name": name}))
    return _configure(name, new)


def _configure(name: str, properties: Json) -> tuple[str, dict[str, str]]:
    if selectors := properties.get("EventSelectors"):
        _done(cloudtrail._put_event_selectors({"TrailName": name, "EventSelectors": selectors}))
    logs = _true(properties["IsLogging"])
    _done((cloudtrail._start_logging if logs else cloudtrail._stop_logging)({"Name": name}))
    return name, {"Arn": cloudtrail._trail_arn(name)}


def _delete(name: str, properties: Json) -> None:
    cloudtrail._delete_trail({"Name": name})


def _done(reply: Reply) -> None:
    """Raises ValueError, which CloudFormation reports as the reason of the resource's failure."""
    status, _, body = reply
    if status >= 400:
        raise ValueError(body if isinstance(body, str) else body.decode())


def _selectors_of_active_trails() -> Iterator[Json]:
    for name, trail in cloudtrail._trails.items():
        if trail.get("IsLogging"):
            yield from cloudtrail._event_selectors.get(name) or []


def _records(selector: Json, object_arn: str) -> bool:
    """Whether the selector covers writes to this object."""
    resources = selector.get("DataResources")
    assert isinstance(resources, list)
    return selector["ReadWriteType"] in ("All", "WriteOnly") and any(
        object_arn.startswith(prefix)
        for resource in resources
        if resource["Type"] == "AWS::S3::Object"
        for prefix in resource["Values"]
    )


def record(call: str, bucket: str, key: str) -> dict[str, object]:
    """The record of a call that succeeded. Its key is raw, as in the request."""
    account, region = get_account_id(), get_region()
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "Root", "accountId": account},
        "eventTime": f"{now_iso()[:19]}Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": call,
        "awsRegion": region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "[embedded AWS]",
        "requestParameters": {"bucketName": bucket, "key": key},
        "responseElements": {},
        "requestID": new_uuid(),
        "eventID": new_uuid(),
        "readOnly": False,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
            {"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": account},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": account,
        "eventCategory": "Data",
    }


def _true(value: object) -> bool:
    """CloudFormation's booleans arrive as such or as text."""
    return json.loads(str(value).lower()) is True


LINK = Link(
    what="AWS::CloudTrail::Trail and data events of S3",
    patch_points=(
        *bus.PATCH_POINTS,
        PatchPoint(s3, "_fire_s3_event_async", ("bucket_name", "key", "event_name")),
        PatchPoint(cloudtrail, "_create_trail", ("body",)),
        PatchPoint(cloudtrail, "_update_trail", ("body",)),
        PatchPoint(cloudtrail, "_delete_trail", ("body",)),
        PatchPoint(cloudtrail, "_put_event_selectors", ("body",)),
        PatchPoint(cloudtrail, "_start_logging", ("body",)),
        PatchPoint(cloudtrail, "_stop_logging", ("body",)),
        PatchPoint(cloudtrail, "_trail_arn", ("name",)),
        PatchPoint(cloudtrail, "_trails"),
        PatchPoint(cloudtrail, "_event_selectors"),
        PatchPoint(provisioners, "_RESOURCE_HANDLERS"),
    ),
    apply=apply,
)
