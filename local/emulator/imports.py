"""What ministack imports when it starts, and what of it is not needed: half of the start.

CloudFormation's part alone imports forty services. Here each is executed when something of it is
first asked for, which our stacks do of a third. And ministack adapts hypercorn, which does not
serve here: there are empty classes instead. Docker's client is not there for who needs none.

importlib.util.LazyLoader would do the first, but until Python 3.11.9 and 3.12.3 a second thread can
see a module that is not executed yet (https://github.com/python/cpython/issues/114763).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_OF_THE_SERVER = (
    "h11",
    "hypercorn",
    "hypercorn.config",
    "hypercorn.protocol",
    "hypercorn.protocol.events",
    "hypercorn.protocol.h11",
    "hypercorn.protocol.ws_stream",
    "ministack.core.hypercorn_compat",
)
_postponed: dict[str, Loader] = {}
_executing = threading.RLock()


def spare(containers: bool) -> None:
    """Before anything of ministack is imported; and whether anything runs in containers."""
    if not containers:
        sys.modules["docker"] = None  # type: ignore[assignment]  # as if it were not installed
    sys.modules.update({name: _Empty(name) for name in _OF_THE_SERVER})
    sys.meta_path.insert(0, _Finder())


class _Empty(ModuleType):
    """A module with any class that it is asked for."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):  # what Python asks of each module
            raise AttributeError(name)
        return type(name, (), {})


class _Later(ModuleType):
    """A module that is not executed yet."""

    def __getattr__(self, name: str) -> object:
        with _executing:
            if loader := _postponed.pop(self.__name__, None):
                loader.exec_module(self)
        if name not in self.__dict__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return self.__dict__[name]


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name.startswith("ministack.services.") else None
        if spec and spec.loader:
            spec.loader = _Postponing(spec.loader)
        return spec


class _Postponing(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        _postponed[module.__name__] = self._loader
