"""The job: one upload in, one result out."""

from os import uname as _uname

try:
    from .built_for import MACHINE  # type: ignore[import-not-found]  # by the layer's build alone
except ImportError:
    MACHINE = _uname().machine

if _uname().machine != MACHINE:
    raise ImportError(
        f"the layer was built for {MACHINE} and runs on {_uname().machine}: build it again, with "
        "ARCHITECTURE=arm64 or ARCHITECTURE=x86_64 in the environment of `sam build`, as the "
        "stack's parameter Architecture says"
    )
