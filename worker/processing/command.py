"""COMMAND: a program, its arguments, and what stands for the upload in them. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath

from .errors import BadSetting
from .objects import cut

PLACEHOLDERS = ("input", "output", "key", "name", "stem")
REJECTED = 65
"""The exit code that rejects an upload: EX_DATAERR of sysexits.h, for incorrect input."""
_PLACEHOLDER = re.compile("{(" + "|".join(PLACEHOLDERS) + ")}")
_LONGEST = 200
"""Bytes; a name in a file system has at most 255, and programs add to it."""
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}")


def split(text: str) -> list[str]:
    """The program and its arguments, split as a shell splits. Raises BadSetting."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadSetting(
            "COMMAND", text, f"a command as a shell would split it ({error})"
        ) from error
    if not words:
        raise BadSetting("COMMAND", text, "a program and its arguments")
    return words


def fill(word: str, values: Mapping[str, str]) -> str:
    """One argument, with what its placeholders stand for; other braces stay."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], word)


def safe(text: str) -> str:
    """A name that no program takes for an option or for a path, and that fits into a folder."""
    plain = "".join("_" if each == "/" or not each.isprintable() else each for each in text)
    short = cut(plain.encode(errors="replace").decode(), _LONGEST)
    return f"_{short[1:]}" if short.startswith(("-", ".")) or not short else short


def source_name(name: str) -> str:
    """The name of an upload's file: a safe form of its extension, because programs go by it."""
    suffix = PurePosixPath(name).suffix
    return f"source{suffix}" if _EXTENSION.fullmatch(suffix) else "source"


def values(key: str, source: str, outputs: str) -> dict[str, str]:
    """What the placeholders stand for. `key` is without the input prefix, the others are paths."""
    name = PurePosixPath(key).name
    return {
        "input": source,
        "output": outputs,
        "key": safe(key),
        "name": safe(name),
        "stem": safe(PurePosixPath(name).stem),
    }
