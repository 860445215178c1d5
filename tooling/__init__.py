"""What the commands of `make` share: paths, running commands, `sam build`, progress, plots."""

import sys
from types import TracebackType


def _say_interrupted(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """A Ctrl-C is no defect, least of all while modules are imported: one line, not a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _say_interrupted
