"""The peer of the transfers: in and out as `aws s3 cp` does it, with its CRT transfer client.

    S3_BUCKET=... S3_KEY=... S3_OUTPUT=... python -m bench.transfer_peer FILE

Version 1 of the AWS CLI has none (1.46 knows no `preferred_transfer_client`), and PyPI has no
version 2. What version 2 calls is called here: s3transfer's CRTTransferManager, on the client that
create_s3_crt_client makes, and without TLS where the endpoint has none (aws/aws-cli, branch v2,
awscli/customizations/s3/factory.py). boto3 calls the same with preferred_transfer_client="crt",
but always with TLS (boto3/crt.py).

Prints, as JSON, the seconds and the seconds of the processor that each direction took, imports and
the start not counted, and the most memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from botocore.session import Session
from s3transfer.crt import (
    BotocoreCRTCredentialsWrapper,
    BotocoreCRTRequestSerializer,
    CRTTransferManager,
    create_s3_crt_client,
)

from .peak import highest

BUCKET, REGION = os.environ["S3_BUCKET"], os.environ["AWS_REGION"]
said: dict[str, Any] = {}


session = Session()
endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
credentials = BotocoreCRTCredentialsWrapper(session.get_credentials())
client = create_s3_crt_client(REGION, credentials.to_crt_credentials_provider(), use_ssl=False)
serializer = BotocoreCRTRequestSerializer(
    session, {"region_name": REGION, "endpoint_url": endpoint}
)


def timed(direction: str, begun: Callable[[CRTTransferManager], Any]) -> None:
    began, processor = time.perf_counter(), time.process_time()
    # Its end waits until what came has its name; the result of a transfer may be there before.
    with CRTTransferManager(client, serializer) as manager:
        begun(manager).result()
    said[direction] = [time.perf_counter() - began, time.process_time() - processor]


timed("in", lambda manager: manager.download(BUCKET, os.environ["S3_KEY"], sys.argv[1]))
timed("out", lambda manager: manager.upload(sys.argv[1], BUCKET, os.environ["S3_OUTPUT"]))
print(json.dumps({**said, "memory": highest()}))
