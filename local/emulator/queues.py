"""Put a message into a queue as an AWS service does, whole at once: pollers see it from then on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from ministack.core.responses import get_account_id, new_uuid
from ministack.services import lambda_svc, sqs

from .links import PatchPoint

PATCH_POINTS = (
    PatchPoint(sqs, "_queue_by_arn", ("arn",)),
    PatchPoint(sqs, "queue_delay", ("q",)),
    PatchPoint(lambda_svc, "esm_wake"),
)


def send(queue_arn: str, body: str, attributes: Mapping[str, str]) -> bool:
    """Whether there is such a queue."""
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        return False
    now = time.time()
    queue["messages"].append(
        {
            "id": new_uuid(),
            "body": body,
            "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "md5_attrs": "",
            "receipt_handle": None,
            "sent_at": now,
            "visible_at": now + sqs.queue_delay(queue),
            "receive_count": 0,
            "first_receive_at": None,
            "message_attributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
            "sys": {"SenderId": get_account_id(), "SentTimestamp": str(int(now * 1000))},
            "group_id": None,
            "dedup_id": None,
            "dedup_cache_key": None,
            "seq": None,
        }
    )
    lambda_svc.esm_wake.set()
    return True
