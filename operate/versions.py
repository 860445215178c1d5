"""Objects of a versioned bucket, with all that `aws s3 rm` leaves there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import boto3

_AT_ONCE = 1000
"""The most that DeleteObjects takes."""


class Version(NamedTuple):
    """One version of an object, or a delete marker, which has no bytes."""

    key: str
    id: str
    bytes: int


class NotDeleted(Exception):
    """S3 did not delete a version: which, and why."""


def versions(bucket: str, prefix: str = "") -> Iterator[Version]:
    """All that there is under the prefix."""
    pages = boto3.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield Version(found["Key"], found["VersionId"], found.get("Size", 0))


def unfinished(bucket: str) -> Iterator[tuple[str, str]]:
    """Key and id of each multipart upload that was begun and not completed."""
    pages = boto3.client("s3").get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    for page in pages:
        for upload in page.get("Uploads", []):
            yield upload["Key"], upload["UploadId"]


def delete(bucket: str, prefix: str = "") -> int:
    """Delete all versions and delete markers under the prefix, for good; gives how many.

    Raises NotDeleted.
    """
    s3, count = boto3.client("s3"), 0
    found = versions(bucket, prefix)
    while batch := list(itertools.islice(found, _AT_ONCE)):
        objects = [{"Key": version.key, "VersionId": version.id} for version in batch]
        reply = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for error in reply.get("Errors", []):
            raise NotDeleted(f"s3://{bucket}/{error['Key']}: {error['Code']} {error['Message']}")
        count += len(batch)
    return count


def empty(bucket: str) -> None:
    """Delete all that is in the bucket, for good. Raises NotDeleted."""
    for key, upload in unfinished(bucket):
        boto3.client("s3").abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    delete(bucket)
