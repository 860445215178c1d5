"""The embedded AWS: an emulator that runs the project's own template, and what drives it."""

import tooling  # noqa: F401, it says "interrupted" at a Ctrl-C
