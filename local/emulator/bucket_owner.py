"""S3 refuses a call that expects another owner of the bucket; ministack does not look.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import s3

from .links import Link, PatchPoint

EXPECTED = "x-amz-expected-bucket-owner"


def apply() -> None:
    """Return AccessDenied, as S3 does."""
    scope: Callable[..., Any] = s3._apply_bucket_scope

    def apply_bucket_scope(
        method: str, bucket: str, key: str, headers: Mapping[str, str], *rest: object
    ) -> Any:  # noqa: ANN401
        owner, expected = s3._bucket_owner_account(bucket), headers.get(EXPECTED)
        if owner and expected and owner != expected:
            return s3._error("AccessDenied", "Access Denied", 403)
        return scope(method, bucket, key, headers, *rest)

    s3._apply_bucket_scope = apply_bucket_scope


LINK = Link(
    what="the owner that a call expects of a bucket",
    patch_points=(
        PatchPoint(s3, "_apply_bucket_scope", ("method", "bucket", "key", "headers")),
        PatchPoint(s3, "_bucket_owner_account", ("name",)),
        PatchPoint(s3, "_error", ("code", "message", "status")),
    ),
    apply=apply,
)
