"""The default event bus, as AWS services use it: they put events that no client may put."""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import eventbridge

from .links import PatchPoint

PATCH_POINTS = (PatchPoint(eventbridge, "_dispatch_event", ("event",)),)


def emit(source: str, detail_type: str, detail: dict[str, object], resources: list[str]) -> None:
    """Put an event of an AWS service on the default bus."""
    eventbridge._dispatch_event(
        {
            "EventId": new_uuid(),
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "EventBusName": "default",
            "Time": now_iso(),
            "Resources": resources,
            "Account": get_account_id(),
            "Region": get_region(),
        }
    )
