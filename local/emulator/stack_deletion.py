"""A stack that is being deleted is described once it is gone: `sam delete` looks every 30 s.

CloudFormation takes a minute for that and more, the emulator a second or two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ministack.services import cloudformation

from .links import Link, PatchPoint

Reply = tuple[int, Mapping[str, str], bytes]

_SECONDS = 20
"""At most: clients give up later."""
_BETWEEN = 0.1
_BEING_DELETED = b"<StackStatus>DELETE_IN_PROGRESS</StackStatus>"


def apply() -> None:
    handle: Callable[..., Awaitable[Reply]] = cloudformation.handle_request

    async def handle_request(*request: object) -> Reply:
        for _ in range(int(_SECONDS / _BETWEEN)):
            reply = await handle(*request)
            if _BEING_DELETED not in reply[2]:
                break
            await asyncio.sleep(_BETWEEN)
        return reply

    cloudformation.handle_request = handle_request


LINK = Link(
    what="stacks that are being deleted",
    patch_points=(
        PatchPoint(
            cloudformation, "handle_request", ("method", "path", "headers", "body", "query_params")
        ),
    ),
    apply=apply,
)
