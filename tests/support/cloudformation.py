"""The address that a custom resource sends its response to, and what CloudFormation sends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

LAYER = "arn:aws:lambda:eu-west-1:111122223333:layer:ProcessingLayer:7"
REPEATED_FIELDS = {
    "StackId": "a stack",
    "RequestId": "a request",
    "LogicalResourceId": "WorkerImage",
    "PhysicalResourceId": "WorkerImage",
}
"""What every response to `request` repeats."""


class CloudFormation(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Responses)
        self.responses: list[dict[str, Any]] = []
        """Those that have arrived."""


class _Responses(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # The address is signed for no type of content, so a type would be refused.
        signed = self.path == "/response?signature=a%2Bb" and not self.headers["Content-Type"]
        if signed:
            self.server.responses.append(json.loads(body))
        self.send_response(200 if signed else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def cloudformation() -> Iterator[CloudFormation]:
    with CloudFormation() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def request(
    kind: str, server: CloudFormation, layer: str = LAYER, job_version: str = ""
) -> dict[str, Any]:
    return {
        "ResourceType": "Custom::WorkerImage",
        "RequestType": kind,
        "ResponseURL": f"http://127.0.0.1:{server.server_port}/response?signature=a%2Bb",
        "StackId": "a stack",
        "RequestId": "a request",
        "LogicalResourceId": "WorkerImage",
        "ResourceProperties": {"LayerVersionArn": layer, "JobVersion": job_version},
    }
