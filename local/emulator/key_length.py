"""S3 refuses a key of more than 1,024 bytes of UTF-8, to read as to write; ministack takes any.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import s3

from .links import Link, PatchPoint

LONGEST = 1024


def apply() -> None:
    """Return KeyTooLongError, as S3 does."""
    scope: Callable[..., Any] = s3._apply_bucket_scope

    def apply_bucket_scope(method: str, bucket: str, key: str, *rest: object) -> Any:  # noqa: ANN401
        if len(key.encode(errors="surrogateescape")) > LONGEST:
            return s3._error("KeyTooLongError", "Your key is too long", 400)
        return scope(method, bucket, key, *rest)

    s3._apply_bucket_scope = apply_bucket_scope


LINK = Link(
    what="the limit on the length of keys",
    patch_points=(
        PatchPoint(s3, "_apply_bucket_scope", ("method", "bucket", "key")),
        PatchPoint(s3, "_error", ("code", "message", "status")),
    ),
    apply=apply,
)
