"""A reverse proxy on loopback in front of S3, where a test can strike at any call.

    with Proxy(aws.endpoint) as proxy:
        proxy.before = lambda call: error(503, "SlowDown") if call.number == 2 else None
        ... AWS_ENDPOINT_URL_S3=proxy.endpoint ...

`before` sees a call that S3 has not seen yet, `after` one that S3 has responded to. Each may give
another reply, do what it likes meanwhile, or raise HangUp to close the connection without a reply.
"""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tests.support.loopback import Handler, Server


class Call(NamedTuple):
    """One request of a job."""

    number: int
    """From 0, since the last `calm`."""
    method: str
    key: str
    query: str
    """What the path's query begins with, which tells calls of one method apart."""

    @property
    def name(self) -> str:
        """As `POST uploads`, which begins an upload in parts."""
        return f"{self.method} {self.query}".rstrip()


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    cut: int = 0
    """So many bytes of the body are not sent before the connection is closed."""


Act = Callable[[], Reply | None]


class HangUp(Exception):
    """Close the connection without a reply."""


def strike(proxy: Proxy, at: int | str, act: Act, *, after: bool = False) -> None:
    """Act once: before S3 sees the call, or after it responded, with nobody knowing.

    `at` is the number of the call, or its name; then it is the first one of these.
    """
    met = itertools.count()

    def acts(call: Call) -> Reply | None:
        return act() if at in (call.number, call.name) and next(met) == 0 else None

    if after:
        proxy.after = lambda call, reply: acts(call)
    else:
        proxy.before = acts


def hang_up() -> None:
    raise HangUp


def meet(proxy: Proxy, method: str) -> None:
    """Hold the first call of the method until there is a second one for its key: of two jobs at
    once."""
    both = threading.Barrier(2, timeout=30)
    met: list[Call] = []

    def hold(call: Call) -> None:
        if call.method == method and len(met) < 2 and all(call.key == each.key for each in met):
            met.append(call)
            both.wait()

    proxy.before = hold


def error(status: int, code: str) -> Reply:
    """As S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return Reply(status, {"Content-Type": "application/xml"}, body.encode())


class Proxy(Server):
    """Use it as a context manager."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_Handler)
        self.upstream = urlsplit(upstream).netloc
        self.calm()

    def calm(self) -> None:
        """Pass everything on, and count calls from 0 again."""
        self.before: Callable[[Call], Reply | None] = lambda call: None
        self.after: Callable[[Call, Reply], Reply | None] = lambda call, reply: None
        self.calls: list[Call] = []
        self.numbers = itertools.count()


class _Handler(Handler):
    server: Proxy

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        at = urlsplit(self.path)
        _, _, key = at.path.removeprefix("/").partition("/")
        query = at.query.partition("&")[0].partition("=")[0]
        call = Call(next(self.server.numbers), self.command, unquote(key), query)
        self.server.calls.append(call)
        before, after = self.server.before, self.server.after
        try:
            reply = before(call)
            if reply is None:
                reply = self._ask(body)
                reply = after(call, reply) or reply
        except HangUp:
            self.close_connection = True
            return
        self._respond(reply)

    do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = pass_on

    def _ask(self, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.headers), reply.read())
        finally:
            connection.close()

    def _respond(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        if self.command == "HEAD":
            self.send_header("Content-Length", reply.headers.get("content-length", "0"))
        elif reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])
        if reply.cut:
            self.close_connection = True
