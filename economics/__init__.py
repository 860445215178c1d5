"""What the pipeline costs, and where it is limited: `python -m economics cost|simulate`."""

import tooling  # noqa: F401, it says "interrupted" at a Ctrl-C
