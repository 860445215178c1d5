"""CloudWatch's filter patterns for JSON log lines, as far as the template uses them.

Comparisons of fields with texts (in which * stands for anything) and numbers, joined by && and ||.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from typing import Any

_TERM = re.compile(r'\$\.(?P<field>[\w.]+) (?P<op>=|>=|>) (?:"(?P<text>[^"]*)"|(?P<number>\d+))$')
_COMPARE = {"=": operator.eq, ">=": operator.ge, ">": operator.gt}


def matches(pattern: str, line: str) -> bool:
    """Whether a log line is one that the pattern is for. Raises ValueError for another pattern."""
    if not (pattern.startswith("{ ") and pattern.endswith(" }")):
        raise ValueError(f"not a pattern for JSON: {pattern}")
    return any(
        all(_holds(term, line) for term in side.split(" && "))
        for side in pattern[2:-2].split(" || ")
    )


def field(selector: str, line: str) -> Any:  # noqa: ANN401
    """What a line has at `$.a.b`; None where it has nothing."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    for name in selector.removeprefix("$.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _holds(term: str, line: str) -> bool:
    found = _TERM.match(term)
    if not found:
        raise ValueError(f"not understood in a pattern: {term}")
    value = field(found["field"], line)
    if found["text"] is not None:
        return isinstance(value, str) and fnmatch.fnmatchcase(value, found["text"])
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and bool(_COMPARE[found["op"]](value, int(found["number"])))
