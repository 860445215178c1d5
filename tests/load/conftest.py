"""What load and fault-injection tests share: an embedded AWS, a bucket, a proxy that can strike."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from processing.exchange import client

from local.aws import REGION, EmbeddedAws
from mazes import pictures
from tests.load.entry_points import Bucket, EntryPoints, Handler
from tests.load.proxy import Proxy
from tests.load.sizes import BUSY


@pytest.fixture(scope="session", autouse=True)
def busy() -> Iterator[None]:
    """A machine with other things to do, where that is asked for."""
    program = "import os; started_by = os.getppid()\nwhile os.getppid() == started_by: pass"
    loops = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(BUSY)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as started:
        yield started


@pytest.fixture(scope="session")
def bucket(aws: EmbeddedAws) -> Bucket:
    return Bucket.make(aws.client("s3"), "uploads")


@pytest.fixture(scope="session")
def _proxy(aws: EmbeddedAws) -> Iterator[Proxy]:
    with Proxy(aws.endpoint) as proxy:
        yield proxy


@pytest.fixture
def proxy(_proxy: Proxy) -> Iterator[Proxy]:
    """One that passes everything on."""
    _proxy.calm()
    yield _proxy
    _proxy.calm()


@pytest.fixture(scope="module")
def _everywhere(_proxy: Proxy) -> Iterator[EntryPoints]:
    """Those of no bucket. A function is a warm one: it starts its runner and its client once."""
    environment = {
        "AWS_ENDPOINT_URL_S3": _proxy.endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        client.cache_clear()  # it pools connections by host name, whatever the port

        @functools.cache
        def warm(command: str) -> Handler:
            patch.setenv("COMMAND", command)
            sys.modules.pop("functions.process.app", None)  # which reads its settings once
            handler: Handler = importlib.import_module("functions.process.app").handler
            return handler

        yield EntryPoints("", environment, warm)


@pytest.fixture
def entry_points(proxy: Proxy, bucket: Bucket, _everywhere: EntryPoints) -> EntryPoints:
    return dataclasses.replace(_everywhere, bucket=bucket.name)


_numbers = itertools.count()


@pytest.fixture
def key() -> str:
    """One that no other test uses."""
    return f"input/load-{next(_numbers)}.png"


@pytest.fixture(scope="session")
def maze() -> Callable[[int], bytes]:
    """PNG files of small mazes, another one for each seed."""

    @functools.cache
    def make(seed: int = 0) -> bytes:
        file = BytesIO()
        pictures.maze(40, 40, seed=seed).save(file, "PNG")
        return file.getvalue()

    return make
