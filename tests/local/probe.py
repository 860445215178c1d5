"""A processor that tries what no job may: it runs in the real job, with the role's credentials."""

import json

from processing.errors import StoreError
from processing.store import Bucket


def write(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Write the object that the upload, {"bucket": ..., "key": ...}, names; answer what S3 said."""
    target = json.loads(body)
    try:
        Bucket(target["bucket"]).put(target["key"], b"x", "text/plain", {}, None)
    except StoreError as error:
        return str(error).encode(), "text/plain"
    return b"written", "text/plain"
