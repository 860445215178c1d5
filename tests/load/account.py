"""What a load test calls to account: each upload whose result is missing, wrong or repeated.

What the uploads' own records explain is counted; all else is a fault, and fails the test.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from local.pipeline import Pipeline
from tests.load.evidence import Evidence, reason
from tests.load.judge import Repeats

MOST_LEFT = 0.01
"""The share of uploads that events may leave to the sweep, whatever their records say: with more,
it is not the machine that was busy."""
MOST_TOLD = 20
"""Lines of a failed test; the file has all."""


class Account:
    """Of the uploads of one run: `newest` has their current versions."""

    def __init__(
        self,
        pipeline: Pipeline,
        newest: Mapping[str, str],
        evidence: Callable[[Pipeline], Any] = Evidence,
    ) -> None:
        self._pipeline = pipeline
        self._newest = newest
        self._evidence = evidence
        self._said: defaultdict[str, list[str]] = defaultdict(list)
        self._stories: dict[str, dict[str, Any]] = {}
        self._faults: list[str] = []
        self.written_again = 0

    def fault(self, key: str, what: str) -> None:
        """Of an upload, of another object, or of the run as a whole."""
        self._say(key, what)

    def needed_the_sweep(self, keys: Iterable[str]) -> None:
        """No event led to a result for these."""
        keys = list(keys)
        if not keys:
            return
        evidence = self._evidence(self._pipeline)  # before the sweep adds to it
        for key in keys:
            self._stories[key] = evidence.of(key)
            why = reason(self._stories[key])
            self._say(key, f"left by its events: {why or 'nothing says why'}", fault=not why)
        if len(keys) > MOST_LEFT * len(self._newest):
            self._faults.append(
                f"{len(keys)} of {len(self._newest)} uploads were left to the sweep"
            )

    def lost(self, keys: Iterable[str]) -> None:
        """Nor did the sweep."""
        for key in keys:
            self._say(key, "lost: the sweep did not help")

    def ends(self, key: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
        """Which results are there at the end, and for which versions of the upload."""
        if found != expected:
            self._say(key, f"ends with {dict(found)} instead of {dict(expected)}")

    def repeats(self, key: str, found: Repeats) -> None:
        for version in found.written_twice:
            self._say(key, f"has two results for version {version}")
        for version in found.written_again:
            self.written_again += 1
            again = f"the result for version {version} was removed as stale, and written once more"
            self._say(key, again, fault=False)

    def failed_beside(self, left: Iterable[str]) -> None:
        """A failure is an explanation of what was left; others should not be there."""
        evidence = self._evidence(self._pipeline)
        for key in sorted(evidence.failed() & self._newest.keys() - set(left)):
            self._say(key, f"failed, though it has its result: {evidence.of(key)['failure']}")

    def close(self, path: Path) -> None:
        """Keep what was said, with all evidence, in the file. Raises AssertionError for faults."""
        path.unlink(missing_ok=True)
        if self._said:
            evidence = self._evidence(self._pipeline)
            said = {
                key: {
                    "said": lines,
                    "then": self._stories.get(key),
                    "now": evidence.of(key),
                }
                for key, lines in self._said.items()
            }
            kept = {
                "faults": self._faults,
                "load": os.getloadavg(),
                "emulator": evidence.problems_of_the_emulator(),
                "uploads": said,
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(kept, ensure_ascii=False, indent=2, default=str))
        told = [f"{key}: {line}" for key, lines in self._said.items() for line in lines]
        assert not self._faults, "\n".join([*self._faults, f"In {path}:", *told[:MOST_TOLD]])

    def _say(self, key: str, what: str, fault: bool = True) -> None:
        self._said[key].append(what)
        if fault:
            version = f", version {self._newest[key]}" if key in self._newest else ""
            self._faults.append(f"{key}{version}: {what}")
