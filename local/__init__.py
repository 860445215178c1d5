"""The embedded AWS: an emulator that runs the project's own template, and what drives it."""
