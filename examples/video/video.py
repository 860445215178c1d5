"""A thumbnail of a video, and its sound, by ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

from processing.errors import Rejected
from processing.output import Source

ONLY_THIS_FILE = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,wav,mp3,flac,aac"),
)
"""A playlist may name any address and any other file, and be asked again for minutes: none is
opened, as none of these formats is one."""


def thumbnail_and_sound(source: Source, outputs: Path) -> None:
    """Write thumbnail.jpg and sound.m4a, as far as the file has either. Raises Rejected."""
    kinds = streams(source.path)
    ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", *ONLY_THIS_FILE, "-i", str(source.path)]
    if "video" in kinds:
        most_typical = ["-vf", "thumbnail,scale=320:-2", "-frames:v", "1"]
        run([*ffmpeg, *most_typical, str(outputs / "thumbnail.jpg")])
    if "audio" in kinds:
        run([*ffmpeg, "-vn", "-map", "0:a:0", "-c:a", "aac", str(outputs / "sound.m4a")])
    if kinds.isdisjoint({"video", "audio"}):
        raise Rejected("there is neither picture nor sound in this file")


def streams(path: Path) -> set[str]:
    """The kinds of streams in the file. Raises Rejected."""
    shown = ["-show_entries", "stream=codec_type", "-of", "csv=p=0"]
    return set(run(["ffprobe", "-v", "error", *ONLY_THIS_FILE, *shown, str(path)]).split())


def run(command: list[str]) -> str:
    """What the command prints. Raises Rejected with what it says of the file."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode < 0:
        done.check_returncode()  # killed, not by the file's fault
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Rejected(f"{command[0]}: {'; '.join(said[-2:])}")
    return done.stdout
