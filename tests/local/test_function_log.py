"""A function's log on a busy machine, where its lines are read long after it wrote them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local import in_ministack

PROGRAM = """
import io, json, time, zipfile

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator import function_log

function_log.apply()
def read_slowly(self):
    for line in self._proc.stderr:
        time.sleep(0.3)
        self._stderr_queue.put(line.rstrip("\\n"))
lambda_runtime.Worker._read_stderr = read_slowly
code = '''
import sys
def handler(event, context):
    if event["says"]:
        print("first")
        print(event["says"], end="")
'''
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w") as archive:
    archive.writestr("app.py", code)
config = {"FunctionName": "f", "Runtime": "python3.12", "Handler": "app.handler", "Timeout": 90,
          "MemorySize": 128, "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f"}
function = {"config": config, "code_zip": packed.getvalue()}
logs = [
    lambda_svc._execute_function_warm(function, {"says": says}, "id")["log"]
    for says in ("last", "", "of another")
]
lambda_runtime.reset()
print(json.dumps(logs))
"""


def test_each_line_is_in_the_log_of_its_invocation(tmp_path: Path) -> None:
    *_, printed = in_ministack.run(PROGRAM, temporary=tmp_path).splitlines()
    assert json.loads(printed) == ["first\nlast", "", "first\nof another"]
