"""A server on loopback that says what S3 says, for the tests of what its replies mean."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from processing.exchange import client

Reply = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Gives the replies in `replies`, the last one again and again, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[Reply] = []
        self.answer: Callable[[str, str, dict[str, str], bytes], Reply] | None = None
        """Instead of those: the reply to a method, a path, headers and a body."""
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        if self.server.answer:
            status, fields, content = self.server.answer(self.command, self.path, headers, body)
        else:
            replies = self.server.replies
            status, fields, content = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)  # as Latin-1
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # who asked may be gone: a page too many
                self.wfile.write(content)

    do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = respond

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name, value in {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
    }.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()  # it pools connections by host name, whatever the port
    yield server
    server.shutdown()
    server.server_close()
