"""`make audit`: what could not be looked up is never called clean."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support import supply
from tooling import paths

PIN = f"pillow==8.0.0 --hash=sha256:{'0' * 64}\n"
WEAK = {"id": "PYSEC-2021-137", "fixed_in": ["8.2.0"], "aliases": [], "summary": "", "details": ""}


class Index(BaseHTTPRequestHandler):
    """Of one package, in the index's JSON interface."""

    said: dict[str, object] | None = None

    def do_GET(self) -> None:
        body = json.dumps(self.said).encode()
        self.send_response(404 if self.said is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No word on the screen."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Index)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def audit(folder: Path, index: str) -> subprocess.CompletedProcess[str]:
    """The recipe as it is, with the real tool, whose index is this one."""
    (folder / "pins.txt").write_text(PIN)
    (folder / "bin").mkdir()
    tool = folder / "bin" / "pip-audit"
    tool.write_text(
        f"#!{supply.tool('python')}\n"
        "import requests, pip_audit._service.pypi as pypi\n"
        "from urllib.parse import urlsplit\n"
        "from pip_audit._cli import audit\n"
        "pypi.caching_session = lambda *_, **__: Redirected()\n"
        "class Redirected(requests.Session):\n"
        "    def get(self, url, **more):\n"
        f"        return super().get('{index}' + urlsplit(url).path, **more)\n"
        "audit()\n"
    )
    tool.chmod(0o755)
    command = ["make", "--old-file=setup", f"--old-file={folder}/supply/.installed", "audit"]
    (folder / "supply").mkdir()
    (folder / "supply" / ".installed").touch()
    (folder / "bin").rename(folder / "supply" / "bin")
    command += [f"ENV={folder}", f"PINS={folder}/pins.txt", f"PYTHON={sys.executable}"]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("said", "code", "says"),
    [
        ({"info": {}, "vulnerabilities": []}, 0, "No known vulnerabilities found"),
        ({"info": {}, "vulnerabilities": [WEAK]}, 2, "PYSEC-2021-137 8.2.0"),
        (None, 2, "pillow: Dependency not found on PyPI"),
    ],
)
def test_only_what_was_looked_up_and_has_no_weakness_passes(
    said: dict[str, object] | None,
    code: int,
    says: str,
    index: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Index, "said", said)
    done = audit(tmp_path, index)
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == code, shown
    assert says in shown
    assert ("NOT AUDITED" in shown) == (code != 0)


def test_an_index_that_nobody_is_behind_is_no_clean_result(tmp_path: Path) -> None:
    done = audit(tmp_path, "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "NOT AUDITED" in done.stderr
