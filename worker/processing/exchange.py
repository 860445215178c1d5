"""One request to S3 and what comes back, through the AWS Common Runtime's S3 client.

The runtime signs, pools connections and retries (500, 503, lost connections), and moves files in
parallel parts; it takes keys as they are, and imports in a third of boto3's time.
"""

from __future__ import annotations

import functools
import os
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from awscrt.auth import AwsCredentialsProvider
from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.s3 import (
    S3ChecksumAlgorithm,
    S3ChecksumConfig,
    S3ChecksumLocation,
    S3Client,
    S3RequestTlsMode,
    S3RequestType,
    S3ResponseError,
)

from .errors import BadSetting

PATIENCE_SECONDS = 300
"""What has not moved for so long is given up. What fits into one request moves only as it ends, so
that no small object is written later than this after its call began."""

_PART_BYTES = 8 * 1024 * 1024
FEW, MANY = 1, 25
"""Gigabits a second that the runtime aims at. With one it takes its smallest pool of memory (128
MiB were measured with files of any size, 1 GB with the default), and ten connections: more than a
task's network has. With 25 as many small requests as threads were under way at once (64 tried)."""


class NoReply(Exception):
    """Why there is none."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(str(problem) or f"nothing moved for {PATIENCE_SECONDS} s")
        self.unreadable = getattr(problem, "name", "") == "AWS_ERROR_CRT_CALLBACK_EXCEPTION"
        """Whether there is one, with headers that the runtime can't take: they are no UTF-8."""


class Reply(NamedTuple):
    """The last one to a request."""

    status: int
    headers: dict[str, str]
    """With their names in lower case."""
    body: bytes


class Endpoint(NamedTuple):
    host: str
    path: str
    tls: bool
    gigabits: int


class Exchange:
    """A request that is under way; of its body and the reply's, either may be a file."""

    def __init__(
        self,
        at: Endpoint,
        operation: str,
        method: str,
        target: str,
        headers: HttpHeaders,
        body: bytes | None = None,
        source: Path | None = None,
        into: Path | None = None,
    ) -> None:
        kind, files = S3RequestType.DEFAULT, {}
        if source:
            kind = S3RequestType.PUT_OBJECT
            files = {"send_filepath": str(source), "checksum_config": _CHECKSUM}
        elif into:
            kind, files = S3RequestType.GET_OBJECT, {"recv_filepath": str(into)}
        self._heard = _Heard()
        self._request = client(at.tls, at.gigabits).make_request(
            type=kind,
            operation_name=operation,
            request=HttpRequest(method, target, headers, None if body is None else BytesIO(body)),
            on_headers=self._heard.headers,
            on_body=self._heard.body,
            on_progress=self._heard.progress,
            **files,
        )

    def reply(self) -> Reply:
        """Wait for it. Raises NoReply; what is given up, for whatever reason, is ended."""
        heard = self._heard
        try:
            while not self._is_over():
                if not heard.anything:
                    raise NoReply(TimeoutError())
                heard.anything = False
        except S3ResponseError as error:
            heard.headers(error.status_code, error.headers or [])
            return Reply(heard.status, heard.fields, error.body or b"")
        except AwsCrtError as error:
            raise NoReply(error) from error
        except BaseException:
            self.cancel()
            raise
        return Reply(heard.status, heard.fields, heard.received.getvalue())

    def cancel(self) -> None:
        """Nothing of it is sent any more, nor again."""
        self._request.cancel()

    def _is_over(self) -> bool:
        """Wait for a while. Raises what the runtime has to say."""
        try:
            self._request.finished_future.result(PATIENCE_SECONDS)
        except TimeoutError:
            return False
        return True


class _Heard:
    """What the runtime's threads have to tell; apart from what they are called by, so that nothing
    refers to itself and a reply is gone as soon as it was read."""

    def __init__(self) -> None:
        self.anything = False
        self.status = 0
        self.fields: dict[str, str] = {}
        self.received = BytesIO()

    def headers(self, status_code: int, headers: list[tuple[str, str]], **_: object) -> None:
        self.status = status_code
        self.fields = {name.lower(): value for name, value in headers}

    def body(self, chunk: bytes, **_: object) -> None:
        self.anything = True
        self.received.write(chunk)

    def progress(self, size: int, **_: object) -> None:
        self.anything = True


_CHECKSUM = S3ChecksumConfig(
    algorithm=S3ChecksumAlgorithm.CRC32, location=S3ChecksumLocation.HEADER
)


def endpoint(bucket: str, gigabits: int = FEW) -> Endpoint:
    # Whose names these are: "Service-specific endpoints", AWS SDKs and Tools Reference Guide.
    custom = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if custom:
        url = urlsplit(custom)
        return Endpoint(url.netloc, f"/{bucket}", url.scheme == "https", gigabits)
    suffix = "amazonaws.com.cn" if _region().startswith("cn-") else "amazonaws.com"
    if "." in bucket:  # the certificate covers one label before s3
        return Endpoint(f"s3.{_region()}.{suffix}", f"/{bucket}", True, gigabits)
    return Endpoint(f"{bucket}.s3.{_region()}.{suffix}", "", True, gigabits)


def _region() -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise BadSetting("AWS_REGION", region, "the region of the bucket")
    return region


@functools.cache
def client(tls: bool, gigabits: int) -> S3Client:
    """One client a process: connections and credentials are kept between jobs."""
    return S3Client(
        region=_region(),
        tls_mode=S3RequestTlsMode.ENABLED if tls else S3RequestTlsMode.DISABLED,
        credential_provider=_credentials(),
        part_size=_PART_BYTES,
        throughput_target_gbps=gigabits,
    )


def _credentials() -> AwsCredentialsProvider:
    """The environment's, where it has some, as in a function. The chain would find them, too, but
    first reads all certificates that TLS trusts, which takes 14 ms of a processor."""
    if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return AwsCredentialsProvider.new_environment()
    return AwsCredentialsProvider.new_default_chain()
