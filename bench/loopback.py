"""A bucket on loopback that is never what one waits for.

    python -m bench.loopback FILE

prints its port, and ends with its input. Each key under input/ has the file; of what is written, it
keeps the sizes. The kernel sends the file (sendfile) and throws away what comes (MSG_TRUNC), so
that no byte is copied here. Neither signatures nor checksums nor conditions are looked at.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

_BUFFERS = 4 * 2**20
"""Of each socket, so that bytes are on their way while the other side does something else."""
_LONGEST_HEAD = 65_536
_ETAG, _DATE = '"0123456789abcdef0123456789abcdef"', "Thu, 26 Nov 2026 00:00:00 GMT"


class Server:
    """One file, and the sizes of what was written."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDONLY)
        self._size = os.fstat(self._descriptor).st_size
        self._written: dict[str, int] = {}
        """By path; of an upload in parts, by its number until it is complete."""

    def serve(self) -> NoReturn:
        """Print the port, and serve until the input ends: a thread for each connection."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()
        os._exit(0)  # whatever the threads still do

    def _accept(self, listener: socket.socket) -> NoReturn:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def _connection(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for which in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            connection.setsockopt(socket.SOL_SOCKET, which, _BUFFERS)
        with connection:
            while head := _head(connection):
                self._request(connection, head)

    def _request(self, connection: socket.socket, head: str) -> None:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        fields = dict(line.lower().split(": ", 1) for line in lines)
        url = urlsplit(target)
        if method in ("HEAD", "GET"):
            self._read(connection, method, url.path, fields.get("range", ""))
            return
        length = int(fields.get("content-length", 0))
        _discard(connection, length)
        size = int(fields.get("x-amz-decoded-content-length", length))  # without trailing checksums
        query = parse_qs(url.query, keep_blank_values=True)
        _reply(connection, "200 OK", body=self._write(url.path, query, size))

    def _read(self, connection: socket.socket, method: str, path: str, asked: str) -> None:
        if "/input/" not in path:
            found = path in self._written
            _reply(connection, "200 OK" if found else "404 Not Found", self._written.get(path, 0))
            return
        begin, end, status, more = 0, self._size, "200 OK", ""
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", asked):
            begin, end = int(match[1]), min(int(match[2] or end) + 1, end)
            status, more = "206 Partial Content", f"bytes {begin}-{end - 1}/{self._size}"
        _reply(connection, status, end - begin, more)
        while method == "GET" and begin < end:
            begin += os.sendfile(connection.fileno(), self._descriptor, begin, end - begin)

    def _write(self, path: str, query: dict[str, list[str]], size: int) -> str:
        """What to say of it."""
        if "uploads" in query:
            number = str(len(self._written))
            self._written[number] = 0
            return _xml("InitiateMultipartUploadResult", "UploadId", number)
        if "partNumber" in query:
            self._written[query["uploadId"][0]] += size
            return ""
        if "uploadId" in query:
            self._written[path] = self._written.pop(query["uploadId"][0])
            return _xml("CompleteMultipartUploadResult", "ETag", _ETAG)
        self._written[path] = size
        return ""


def _head(connection: socket.socket) -> str:
    """Of a request, and nothing of its body; empty when there is none any more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        seen = connection.recv(_LONGEST_HEAD, socket.MSG_PEEK)
        end = seen.find(b"\r\n\r\n")
        head += connection.recv(end + 4 if end >= 0 else len(seen))
        if not seen:
            return ""
    return head.decode("latin-1").strip()


def _discard(connection: socket.socket, left: int) -> None:
    """Take so many bytes without a copy of them (tcp(7), MSG_TRUNC)."""
    nowhere = bytearray(2**20)
    while left:
        got = connection.recv_into(nowhere, min(left, len(nowhere)), socket.MSG_TRUNC)
        if not got:
            return
        left -= got


def _reply(
    connection: socket.socket, status: str, length: int = 0, content_range: str = "", body: str = ""
) -> None:
    fields = {"ETag": _ETAG, "Last-Modified": _DATE, "Content-Length": str(length or len(body))}
    if content_range:
        fields["Content-Range"] = content_range
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n{body}".encode())


def _xml(outer: str, inner: str, value: str) -> str:
    return f"<{outer}><{inner}>{value}</{inner}></{outer}>"


if __name__ == "__main__":
    Server(Path(sys.argv[1])).serve()
