"""Processors that a test mounts into the worker's container, to meet it at a certain moment.

Each says "here" when that moment has come.
"""

from __future__ import annotations

import time
from io import BytesIO

from PIL import Image
from processing import picture


def wait(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Takes ten minutes."""
    print("here", flush=True)
    time.sleep(600)
    return body, content_type


def decode(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Does nothing but decode pictures, again and again."""
    file = BytesIO()
    Image.effect_noise((2000, 2000), 50).save(file, "PNG", compress_level=1)
    print("here", flush=True)
    while True:
        picture.read(file.getvalue())
