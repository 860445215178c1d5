"""The job of one upload on files, and what whoever reads its output gets."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from subprocess import Popen

from local.pipeline import output_key
from tests.load.entry_points import Bucket, EntryPoints, report_of
from tests.load.proxy import Act, HangUp, Proxy, strike


@dataclasses.dataclass
class FileJob:
    """An upload, whose output is the same bytes, in one file or in several."""

    key: str
    body: bytes
    version: str
    bucket: Bucket
    proxy: Proxy
    entry_points: EntryPoints

    def start(self) -> Popen[str]:
        return self.entry_points.task(self.key)

    def job(self) -> str:
        """How a whole job ended, in a warm function."""
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.entry_points.function(self.key)
        return str(report_of(output.getvalue())["outcome"])

    def task(self) -> str:
        """How one ended that was a task: another one may be under way."""
        output, _ = self.start().communicate(timeout=60)
        return str(report_of(output)["outcome"])

    def job_that_is_killed(self, at: int | str, *, after: bool) -> None:
        started: list[Popen[str]] = []

        def kill() -> None:
            started[0].kill()
            started[0].wait()
            raise HangUp

        self.strike(at, kill, after=after)
        started.append(self.start())
        started[0].communicate(timeout=60)
        assert started[0].returncode == -9
        self.proxy.calm()

    def read(self) -> bytes | None:
        return self.bucket.read(self.key)

    def strike(self, at: int | str, act: Act, *, after: bool = False) -> None:
        strike(self.proxy, at, act, after=after)

    def assert_complete(self) -> None:
        """One result now and ever, and all of it."""
        assert self.read() == self.body
        assert self.bucket.results(self.key) == {output_key(self.key): self.version}
        assert self.bucket.results_ever(self.key).count(self.version) == 1
