"""Settings: read from the environment, named in every error; those of a job are read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from . import command
from .errors import BadSetting
from .folder import Folder
from .output import Made, Source


class Processor(Protocol):
    """What does the work, in a process of its own: supervisor.Supervisor, and the tests' fake."""

    def takes_bytes(self) -> bool:
        """Whether it wants the upload's content in memory. Raises WrongProcessor."""

    def __call__(self, source: Source, folder: Folder, seconds: float | None) -> Made:
        """Process the upload, which is in the folder, in at most so many seconds (None: any).

        Raises Rejected for a bad input, Failed, Exhausted, OutOfTime or WrongProcessor.
        """


DEFAULT_PROCESSOR = "processing.maze:solve"


@dataclass(frozen=True)
class Settings:
    """What the template decides for a job. The defaults are the template's."""

    processor: Processor
    input_prefix: str = "input/"
    input_suffix: str = ""
    """What the keys of uploads end in, letters' case as S3 has it."""
    output_prefix: str = "output/"
    rejected_prefix: str = "rejected/"
    output_suffix: str = ""
    """What the key of an output has more than that of its upload."""
    files_prefix: str = "files/"
    """For the files of several outputs."""
    notes_bucket: str = ""
    """The stack's own bucket, for what is kept of uploads without a result; empty: the uploads'."""
    after_success: str = "keep"
    """What becomes of an upload whose output is there: keep or delete."""
    max_bytes: int = 256 * 1024 * 1024
    mode: str = "local"
    job_version: str = ""
    memory_mib: int | None = None
    """What the function or task has; None: nothing says."""
    memory_error: str = "reject"
    """When it, or the disk, does not suffice: reject the upload; or fail, where another engine has
    more."""
    max_seconds: int | None = None
    """For the processing of one upload, which is rejected after that; None: no limit, or, in the
    function, that of the function."""
    disk: Path | None = None
    """A folder that nothing but jobs uses; None: where the system has temporary files."""


def setting(
    environment: Mapping[str, str], name: str, wanted: str = "what the template says"
) -> str:
    """A setting that must be there. Raises BadSetting, which says what is wanted."""
    value = environment.get(name)
    if not value:
        raise BadSetting(name, value, wanted)
    return value


def from_environment(
    environment: Mapping[str, str], processor: Processor | None = None
) -> Settings:
    """Read the settings that the template gives to functions and tasks, by their names there.

    A variable that is missing or empty has its default; where no processor is given, PROCESSOR or
    COMMAND names it, and its process is started. Raises BadSetting.
    """
    prefixes = {
        "INPUT_PREFIX": environment.get("INPUT_PREFIX") or Settings.input_prefix,
        "OUTPUT_PREFIX": environment.get("OUTPUT_PREFIX") or Settings.output_prefix,
        "REJECTED_PREFIX": environment.get("REJECTED_PREFIX") or Settings.rejected_prefix,
        "FILES_PREFIX": environment.get("FILES_PREFIX") or Settings.files_prefix,
    }
    _check_apart(prefixes)
    return Settings(
        input_prefix=prefixes["INPUT_PREFIX"],
        input_suffix=environment.get("INPUT_SUFFIX", ""),
        output_prefix=prefixes["OUTPUT_PREFIX"],
        rejected_prefix=prefixes["REJECTED_PREFIX"],
        output_suffix=environment.get("OUTPUT_SUFFIX", ""),
        files_prefix=prefixes["FILES_PREFIX"],
        notes_bucket=environment.get("NOTES_BUCKET", ""),
        after_success=_choice(environment, "AFTER_SUCCESS", "keep", "delete"),
        max_bytes=_count(environment, "MAX_BYTES") or Settings.max_bytes,
        mode=environment.get("MODE") or Settings.mode,
        job_version=environment.get("JOB_VERSION") or Settings.job_version,
        memory_mib=_count(environment, "MEMORY_MIB"),
        memory_error=_choice(environment, "MEMORY_ERROR", "reject", "fail"),
        max_seconds=_count(environment, "MAX_SECONDS"),
        disk=Path(environment["DISK"]) if environment.get("DISK") else None,
        # Last, because it starts a process.
        processor=processor or _processor(environment),
    )


def _check_apart(prefixes: Mapping[str, str]) -> None:
    """Prefixes that contain one another would make the job's outputs its next uploads."""
    for name, prefix in prefixes.items():
        if not prefix.endswith("/"):
            raise BadSetting(name, prefix, "a prefix that ends with /")
        for other, value in prefixes.items():
            if name != other and value.startswith(prefix):
                raise BadSetting(name, prefix, f"apart from {other} ({value!r})")


def _count(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and int(value)):
        raise BadSetting(name, value, "a whole number of at least 1")
    return int(value)


def _choice(environment: Mapping[str, str], name: str, *choices: str) -> str:
    """One of the choices, of which the first is the default."""
    value = environment.get(name) or choices[0]
    if value not in choices:
        raise BadSetting(name, value, " or ".join(choices))
    return value


def _processor(environment: Mapping[str, str]) -> Processor:
    """The process that does what COMMAND or, without one, PROCESSOR names."""
    from .supervisor import Supervisor

    text = environment.get("COMMAND")
    words = command.split(text) if text else ()
    name = "" if words else environment.get("PROCESSOR") or DEFAULT_PROCESSOR
    module, _, function = name.partition(":")
    if not words and not (module and function):
        raise BadSetting("PROCESSOR", name, "package.module:function, importable from the layer")
    return Supervisor(name, words, job_environment(environment), _count(environment, "MEMORY_MIB"))


_OF_THE_SYSTEM = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "MAX_PIXELS")
"""What a job sees of the worker's environment. Lambda's Python needs its LD_LIBRARY_PATH."""


def job_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """All variables that a job has: no credentials, unless JobPolicyArns gives it some.

    Raises BadSetting.
    """
    kept = {name: environment[name] for name in _OF_THE_SYSTEM if name in environment}
    if environment.get("JOB_HAS_ROLE") == "yes":
        kept |= {name: value for name, value in environment.items() if name.startswith("AWS_")}
    text = environment.get("JOB_ENVIRONMENT", "")
    for each in filter(None, text.split(",")):
        name, separator, value = each.partition("=")
        if not (separator and name.isidentifier() and name.isascii()):
            raise BadSetting("JOB_ENVIRONMENT", text, "NAME=value,NAME=value")
        kept[name] = value
    _count(kept, "MAX_PIXELS")  # of the two jobs that ship
    return {"PATH": os.defpath, **kept}
