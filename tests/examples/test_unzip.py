"""examples/unzip: what an archive may not do."""

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.conftest import Run, sample

UNPACK = "archive:unpack"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "an archive.zip"


def add(file: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as writes:
        for name, body in members:
            writes.writestr(name, body)


def link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


def bomb(file: Path, says: int = 2**30 + 2**20) -> None:
    """A gibibyte and some more in 5 MB: a mebibyte, packed once and quickly. To pack them all takes
    seconds, and so does to unpack what is packed well."""
    packs = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    mebibyte = packs.compress(bytes(2**20)) + packs.flush(zlib.Z_FULL_FLUSH)
    add(file, (zipfile.ZipInfo("zeros"), mebibyte * (2**10 + 1)))  # stored as it is
    body = bytearray(file.read_bytes())
    entry = body.rindex(b"PK\x01\x02")
    body[8] = body[entry + 10] = zipfile.ZIP_DEFLATED
    body[entry + 24 : entry + 28] = says.to_bytes(4, "little")
    file.write_bytes(body)


def liar(file: Path) -> None:
    """A bomb that says it has one byte."""
    bomb(file, says=1)


def encrypted(file: Path) -> None:
    add(file, ("secret", b"text"))
    body = bytearray(file.read_bytes())
    body[6] |= 1
    body[body.rindex(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(body)


def damaged(file: Path) -> None:
    add(file, ("text", bytes(range(256)) * 40))
    body = bytearray(file.read_bytes())
    body[60:70] = bytes(10)
    file.write_bytes(body)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no archive": (lambda file: file.write_bytes(b"text"), "not a zip file"),
    "empty": (lambda file: file.write_bytes(b""), "not a zip file"),
    "up and out": (lambda file: add(file, ("../../up", b"x")), "would lie outside"),
    "up within": (lambda file: add(file, ("a/../../up", b"x")), "would lie outside"),
    "absolute": (lambda file: add(file, ("/etc/cron.d/x", b"x")), "would lie outside"),
    "a link": (lambda file: add(file, (link("to"), b"/etc/passwd")), "is a symbolic link"),
    "a link, then through it": (
        lambda file: add(file, (link("to"), b"/tmp"), ("to/file", b"x")),
        "is a symbolic link",
    ),
    "a file and a folder": (lambda file: add(file, ("a", b"x"), ("a/b", b"x")), "want one place"),
    "twice": (lambda file: add(file, ("a", b"x"), ("a", b"y")), "want one place"),
    "too many": (lambda file: add(file, *((f"{n}", b"") for n in range(501))), "501 files"),
    "a bomb": (bomb, "more than 1,073,741,824 bytes"),
    "a bomb that lies": (liar, "can't be unpacked"),
    "encrypted": (encrypted, "can't be unpacked"),
    "damaged": (damaged, "can't be unpacked"),
}


def test_files_come_out_in_their_folders(run: Run) -> None:
    ran = run("unzip", UNPACK, sample("unzip"))
    assert ran.names == ["letters/a.txt", "letters/b.txt", "readme.txt"]
    assert (ran.outputs / "letters/a.txt").read_text() == "a\n" * 50


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("bad", BAD)
def test_what_could_do_harm_is_rejected(run: Run, archive: Path, bad: str) -> None:
    make, says = BAD[bad]
    make(archive)
    ran = run("unzip", UNPACK, archive)
    assert says in str(ran.rejected)
    beside = {path.name for path in archive.parent.iterdir()}
    assert beside == {"an archive.zip", ran.outputs.name}
    assert ran.peak < 200 * 2**20
