"""A function's log on a busy machine, where its lines are read long after it wrote them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local import in_ministack

PROGRAM = (
    in_ministack.FUNCTION
    + """
import json, time

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator import function_log

function_log.apply()
def read_slowly(self):
    for line in self._proc.stderr:
        time.sleep(0.3)
        self._stderr_queue.put(line.rstrip("\\n"))
lambda_runtime.Worker._read_stderr = read_slowly
logging = function('''
def handler(event, context):
    if event["says"]:
        print("first")
        print(event["says"], end="")
''')
logs = [
    lambda_svc._execute_function_warm(logging, {"says": says}, "id")["log"]
    for says in ("last", "", "of another")
]
lambda_runtime.reset()
print(json.dumps(logs))
"""
)


def test_each_line_is_in_the_log_of_its_invocation(tmp_path: Path) -> None:
    *_, printed = in_ministack.run(PROGRAM, temporary=tmp_path).splitlines()
    assert json.loads(printed) == ["first\nlast", "", "first\nof another"]


STREAMS = """
from local.emulator.metric_filters import _is_among

class Streams(dict):
    def values(self):
        return self

    def __reversed__(self):
        found = reversed(super().values())
        yield next(found)
        self.setdefault("another, that comes meanwhile", {})
        yield from found

oldest = {}
assert _is_among(Streams(oldest=oldest, newest={}), oldest)
assert not _is_among(Streams(oldest={}, newest={}), oldest)
"""


def test_a_stream_that_comes_meanwhile_costs_no_line_its_metric(tmp_path: Path) -> None:
    in_ministack.run(STREAMS, temporary=tmp_path)
