"""The sweep's calls to S3 are under way at once, and not as many as the client finds enough."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from processing.bucket import Bucket
from processing.exchange import MANY
from walk import TOGETHER

from tests.support.loopback import Handler, Server


def test_as_many_heads_are_under_way_as_uploads_are_looked_at(monkeypatch):
    """Or each of them waits here for others that do not come."""
    together = threading.Barrier(TOGETHER, timeout=300)

    class Bucketful(Handler):
        def do_HEAD(self) -> None:
            together.wait()
            self.send_response(404)
            self.end_headers()

    with Server(Bucketful) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        bucket = Bucket("uploads", MANY)
        with ThreadPoolExecutor(TOGETHER) as pool:
            assert list(pool.map(bucket.head, map(str, range(TOGETHER)))) == [None] * TOGETHER
