"""Settings: read from the environment, named in every error; those of a job are read once."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import BadSetting
from .output import Output

Processor = Callable[[bytes, str], "Output | tuple[bytes, str]"]
"""Bytes and content type in, bytes and content type out; raises Rejected for bad input."""

DEFAULT_PROCESSOR = "processing.maze:solve"


@dataclass(frozen=True)
class Settings:
    """What the template decides for a job. The defaults are the template's."""

    processor: Processor
    input_prefix: str = "input/"
    output_prefix: str = "output/"
    rejected_prefix: str = "rejected/"
    max_bytes: int = 256 * 1024 * 1024
    mode: str = "local"
    job_version: str = ""
    memory_mib: int | None = None
    """What the function or task has; None: nothing says."""
    memory_error: str = "reject"
    """When it does not suffice: reject the upload; or fail, where another engine has more."""
    max_seconds: int | None = None
    """For the processing of one upload, which is rejected after that; None: no limit, or, in the
    function, that of the function."""


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

    A variable that is missing or empty has its default; PROCESSOR is not read where a processor is
    given. Raises BadSetting.
    """
    prefixes = {
        "INPUT_PREFIX": environment.get("INPUT_PREFIX") or Settings.input_prefix,
        "OUTPUT_PREFIX": environment.get("OUTPUT_PREFIX") or Settings.output_prefix,
        "REJECTED_PREFIX": environment.get("REJECTED_PREFIX") or Settings.rejected_prefix,
    }
    _check_apart(prefixes)
    return Settings(
        processor=processor or _processor(environment),
        input_prefix=prefixes["INPUT_PREFIX"],
        output_prefix=prefixes["OUTPUT_PREFIX"],
        rejected_prefix=prefixes["REJECTED_PREFIX"],
        max_bytes=_count(environment, "MAX_BYTES") or Settings.max_bytes,
        mode=environment.get("MODE") or Settings.mode,
        job_version=environment.get("JOB_VERSION") or Settings.job_version,
        memory_mib=_count(environment, "MEMORY_MIB"),
        memory_error=_choice(environment, "MEMORY_ERROR", "reject", "fail"),
        max_seconds=_count(environment, "MAX_SECONDS"),
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
    """The function that PROCESSOR names; one that takes `max_pixels` gets the limit MAX_PIXELS."""
    name = environment.get("PROCESSOR") or DEFAULT_PROCESSOR
    module_name, _, function_name = name.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        wanted = f"package.module:function, importable from the layer ({error})"
        raise BadSetting("PROCESSOR", name, wanted) from error
    max_pixels = _count(environment, "MAX_PIXELS")
    if max_pixels and "max_pixels" in inspect.signature(function).parameters:
        function = functools.partial(function, max_pixels=max_pixels)
    return function  # type: ignore[no-any-return]
