"""Text of others, made fit for a line of the log and for a record, whatever is in it."""

from __future__ import annotations

import json
from typing import Any

LONGEST_REASON = 2000
"""Characters, so that a report stays below the 16 KiB after which the log driver may cut a line in
two (https://github.com/moby/moby/issues/41794), with the longest key in it."""


def reason(said: str) -> str:
    """At most so long, and without control characters and halves of surrogate pairs."""
    if len(said) > LONGEST_REASON:
        said = said[: LONGEST_REASON - 1] + "…"
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for each in said
    )


def to_json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401
    """JSON that can be written as UTF-8: half a surrogate pair is escaped, as JSON can."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text.encode(errors="backslashreplace").decode()
