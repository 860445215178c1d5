"""A processor that is never reached: importing it makes an S3 that never responds to a request.

It says "here" when the request has come.
"""

from __future__ import annotations

import socket
import threading
import time

_server = socket.create_server(("127.0.0.1", 8000))


def _listen() -> None:
    connection, _ = _server.accept()
    connection.recv(1)
    print("here", flush=True)
    time.sleep(600)


def never(body: bytes, content_type: str) -> tuple[bytes, str]:
    """No upload is ever read."""
    raise AssertionError


threading.Thread(target=_listen, daemon=True).start()
