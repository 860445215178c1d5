"""Processors for tests, in the real job: one tries what no job may, one never ends."""

import json
import time

from processing.bucket import Bucket
from processing.errors import StoreError


def write(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Write the objects that the upload, {"bucket": ..., "keys": [...]}, names; return what S3 said
    to each."""
    targets = json.loads(body)
    bucket = Bucket(targets["bucket"])
    return json.dumps({key: said(bucket, key) for key in targets["keys"]}).encode(), "text/plain"


def sleep(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Take longer than any time limit."""
    time.sleep(3600)
    return body, content_type


def said(bucket: Bucket, key: str) -> str:
    try:
        bucket.put(key, b"x", "text/plain", {}, None)
    except StoreError as error:
        return str(error)
    return "written"
