"""An object without a version has the version "null", once its bucket has had versions.

HEAD and GET say so on AWS, in a bucket whose versioning is suspended as in one where it was enabled
later; ministack leaves the header out.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import s3

from .links import Link, PatchPoint


def apply() -> None:
    """Add the header."""
    describe: Callable[..., dict[str, str]] = s3._object_response_headers

    def object_response_headers(
        obj: dict[str, Any],
        bucket_name: str = "",
        *rest: Any,  # noqa: ANN401
        **more: Any,  # noqa: ANN401
    ) -> dict[str, str]:
        said = describe(obj, bucket_name, *rest, **more)
        if s3._bucket_versioning.get(bucket_name):
            said.setdefault("x-amz-version-id", "null")
        return said

    s3._object_response_headers = object_response_headers


LINK = Link(
    what='the version "null"',
    patch_points=(
        PatchPoint(s3, "_bucket_versioning"),
        PatchPoint(s3, "_object_response_headers", ("obj", "bucket_name")),
    ),
    apply=apply,
)
