"""A function as a process starts in half of the time or less. ministack unpacks the layer anew for
each process, though what was built lies beside it as it was before it was packed, and has each
import botocore, which the function that does the jobs never needs. And Python looks for garbage in
what is imported, which stays.
"""

from __future__ import annotations

import functools
import io
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from .links import Link, PatchPoint

_FOLDERS = "_LAMBDA_LAYERS_DIRS"
"""The variable that tells a function's process its layers, separated as in a path."""
_AT_ONCE = """
    _ms_install_invoke_depth()
    try:
        mod = importlib.import_module(module_name)
"""
_WHERE_NEEDED = """
    import gc
    gc.disable()
    try:
        mod = importlib.import_module(module_name)
        gc.freeze()
        gc.enable()
        if "botocore" in sys.modules:
            _ms_install_invoke_depth()
"""
"""It counts how deep functions call one another. Without botocore a function calls none."""
_unpacking = threading.Lock()


def apply(built: Path) -> None:
    worker = lambda_runtime.Worker
    spawn: Callable[[lambda_runtime.Worker], None] = worker._spawn

    def spawn_with_shared_layers(self: lambda_runtime.Worker) -> None:
        if layers := self.config.get("Layers"):
            environment = self.config.get("Environment") or {}
            folders = ":".join(_folder(layer, built) for layer in layers)
            variables = (environment.get("Variables") or {}) | {_FOLDERS: folders}
            self.config = self.config | {
                "Layers": [],
                "Environment": environment | {"Variables": variables},
            }
        spawn(self)

    worker._spawn = spawn_with_shared_layers
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert _AT_ONCE in script, "ministack starts functions in another way"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_AT_ONCE, _WHERE_NEEDED)


def _folder(layer: str | dict[str, str], built: Path) -> str:
    """Where the layer's version is unpacked, for all processes: none needs to write there."""
    content = lambda_svc._resolve_layer_zip(layer)
    assert content, f"there is no layer {layer}"
    with _unpacking:
        return _unpacked(content, built)


@functools.cache
def _unpacked(content: bytes, built: Path) -> str:
    if content == built.with_suffix(".zip").read_bytes():
        return str(built)
    folder = tempfile.mkdtemp(prefix="layer-")  # in the emulator's own, which goes with it
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        packed.extractall(folder)
    return folder


def link(built: Path) -> Link:
    """The link, with the folder of the built layer, beside which it lies as a file, too."""
    return Link(
        what="the start of functions as processes",
        patch_points=(
            PatchPoint(lambda_runtime.Worker, "_spawn", ("self",)),
            PatchPoint(lambda_runtime, "_PYTHON_WORKER_SCRIPT"),
            PatchPoint(lambda_svc, "_resolve_layer_zip", ("attachment",)),
        ),
        apply=functools.partial(apply, built),
    )
