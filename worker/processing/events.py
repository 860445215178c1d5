"""From an event, or the container's environment, to uploads.

An event is a hint that says "look at this key", nothing more: only bucket and key are taken.
This is the one place that knows that S3 notifications encode their keys and the others do not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from .errors import BadEvent
from .settings import setting

Event = Mapping[str, Any]

WRITING_CALLS = ("PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload")
"""The S3 calls, as CloudTrail names them, that leave a new object behind."""


class Upload(NamedTuple):
    """One object under the input prefix. Its current version is what counts."""

    bucket: str
    key: str


def from_event(
    event: Event, prefix: str, suffix: str = "", log: Callable[[str], None] = print
) -> list[Upload]:
    """The uploads that an event announces, each once; what is no upload is logged and left out.

    Understands S3 notifications, EventBridge "Object Created" and EventBridge "AWS API Call via
    CloudTrail". Raises BadEvent for anything else.
    """
    try:
        found = list(_objects(event))
    except (KeyError, TypeError, AttributeError) as error:
        raise BadEvent(f"the event lacks {error}: {_short(event)}") from error
    return [upload for upload in dict.fromkeys(found) if is_upload(upload, prefix, suffix, log)]


def from_environment(environment: Mapping[str, str]) -> Upload:
    """The upload that a container was started for: S3_BUCKET and S3_KEY. Raises BadSetting."""
    wanted = "the bucket and key of an upload"
    return Upload(setting(environment, "S3_BUCKET", wanted), setting(environment, "S3_KEY", wanted))


def reprocess(event: Event) -> str | None:
    """The JobVersion for which a start asks; None for an event that asks for none.

    The one thing that a start may carry beside bucket and key: only a worker of that version does
    an upload's job again (job.run), so that old and new ones don't overwrite one another's results.
    """
    wanted = event.get("detail", {}).get("object", {}).get("job-version")
    return wanted if isinstance(wanted, str) else None


def is_upload(
    upload: Upload, prefix: str, suffix: str = "", log: Callable[[str], None] = print
) -> bool:
    """Whether the object is an upload: between prefix and suffix, and no folder marker. Logs why
    not."""
    if not upload.key.startswith(prefix):
        reason = f"the key is outside {prefix}"
    elif upload.key.endswith("/"):
        reason = "the key is a folder marker"
    elif not upload.key.endswith(suffix):
        reason = f"the key does not end in {suffix}"
    elif any("\ud800" <= each <= "\udfff" for each in upload.key):
        reason = "no key of S3 has half a surrogate pair"
    else:
        return True
    log(json.dumps({"ignored": upload.key, "bucket": upload.bucket, "reason": reason}))
    return False


def _objects(event: Event) -> Iterator[Upload]:
    if event.get("Event") == "s3:TestEvent":
        return
    if "Records" in event:
        for record in event["Records"]:
            if record["eventSource"] != "aws:s3":
                raise BadEvent(f"a record comes from {record['eventSource']!r}, not from aws:s3")
            if not record["eventName"].startswith("ObjectCreated:"):
                raise BadEvent(f"{record['eventName']!r} announces no upload")
            entity = record["s3"]
            yield Upload(entity["bucket"]["name"], unquote_plus(entity["object"]["key"]))
        return
    kind, detail = event.get("detail-type"), event.get("detail", {})
    if kind == "Object Created":
        yield Upload(detail["bucket"]["name"], detail["object"]["key"])
    elif kind == "AWS API Call via CloudTrail":
        if detail["eventSource"] != "s3.amazonaws.com" or detail["eventName"] not in WRITING_CALLS:
            raise BadEvent(f"{detail['eventSource']} {detail['eventName']} announces no upload")
        if "errorCode" not in detail:  # CloudTrail records failed calls too
            yield Upload(
                detail["requestParameters"]["bucketName"], detail["requestParameters"]["key"]
            )
    else:
        raise BadEvent(
            "the event is neither an S3 notification nor one of EventBridge's 'Object Created' "
            f"and 'AWS API Call via CloudTrail': {_short(event)}"
        )


def _short(event: object) -> str:
    text = json.dumps(event, default=str)
    return text if len(text) <= 300 else text[:300] + "..."
