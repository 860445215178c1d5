"""Run a Python script, of whatever environment, with no network but loopback.

    PYTHON loopback.py SCRIPT ARGUMENT...

taskcat fetches the style sheet of its report from the internet, and without it fails after all its
stacks are made. Here that style sheet is empty; any other address is refused.
"""

from __future__ import annotations

import ipaddress
import runpy
import sys
from typing import Any

import requests

STYLE_SHEET = "/taskcat_reporting.css"


def refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: Python calls it before it looks up a name and before it connects."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not is_here(host.decode() if isinstance(host, bytes) else host):
        raise ConnectionRefusedError(f"{host} is not on this machine")


def is_here(host: str | None) -> bool:
    if host in (None, "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def get(url: str, **_: Any) -> requests.Response:
    """What `requests.get` is here."""
    if not url.endswith(STYLE_SHEET):
        raise requests.ConnectionError(f"{url} is not on this machine")
    response = requests.Response()
    response.status_code, response._content = 200, b""
    return response


if __name__ == "__main__":
    sys.addaudithook(refuse_other_machines)
    requests.get = get
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
