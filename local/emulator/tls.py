"""TLS, as far as policies see it.

The embedded AWS listens on plain HTTP, on loopback. Policies that demand TLS would refuse it, so a
request counts as having come by TLS, as if a proxy had ended it, unless it says otherwise itself
(`X-Forwarded-Proto: http`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
App = Callable[[Scope, Channel, Channel], Awaitable[None]]

_HEADER = b"x-forwarded-proto"


def behind_tls(app: App) -> App:
    """The ASGI application, as a proxy that ends TLS would call it."""

    async def proxied(scope: Scope, receive: Channel, send: Channel) -> None:
        if scope["type"] == "http" and all(name != _HEADER for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (_HEADER, b"https")]}
        await app(scope, receive, send)

    return proxied
