"""examples/video, with this machine's ffmpeg."""

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.examples.conftest import Run, sample

THUMBNAIL_AND_SOUND = "video:thumbnail_and_sound"
pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg on this machine")


def without(kind: str, video: Path, to: Path) -> Path:
    """The video without its picture (-vn) or its sound (-an)."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", video, kind, "-c", "copy", to]
    subprocess.run(command, check=True)
    return to


def test_a_video_gets_both(run: Run) -> None:
    ran = run("video", THUMBNAIL_AND_SOUND, sample("video"))
    assert ran.names == ["sound.m4a", "thumbnail.jpg"]
    with Image.open(ran.outputs / "thumbnail.jpg") as thumbnail:
        assert thumbnail.size == (320, 240)
    assert (ran.outputs / "sound.m4a").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("kind", "left"), [("-vn", ["sound.m4a"]), ("-an", ["thumbnail.jpg"])], ids=["sound", "picture"]
)
def test_what_has_one_gets_one(run: Run, tmp_path: Path, kind: str, left: list[str]) -> None:
    source = without(kind, sample("video"), tmp_path / "one.mp4")
    assert run("video", THUMBNAIL_AND_SOUND, source).names == left


@pytest.mark.parametrize("body", [b"", b"no video"], ids=["empty", "text"])
def test_anything_else_is_rejected(run: Run, tmp_path: Path, body: bytes) -> None:
    assert rejection(run, tmp_path, body).startswith("ffprobe: ")


@pytest.mark.parametrize(
    "body",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
    ids=["of an address, which would be asked for minutes", "of another file"],
)
def test_no_playlist_is_opened(run: Run, tmp_path: Path, body: bytes) -> None:
    assert "not on whitelist" in rejection(run, tmp_path, body)


def rejection(run: Run, tmp_path: Path, body: bytes) -> str:
    source = tmp_path / "source.mp4"
    source.write_bytes(body)
    ran = run("video", THUMBNAIL_AND_SOUND, source)
    assert ran.names == []
    return str(ran.rejected)
