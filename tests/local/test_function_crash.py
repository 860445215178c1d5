"""A function whose process ends before it is ready: it alone fails, and those that run go on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local import in_ministack

PROGRAM = (
    in_ministack.FUNCTION
    + """
import json, sys, threading
from pathlib import Path

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator import function_crash

folder = Path(sys.argv[1])
function_crash.apply()
# The first process waits in its job until the second one has ended at its start.
code = f'''
from pathlib import Path
import os, time
folder = Path({str(folder)!r})
if (folder / "begun").exists():
    os._exit(3)
def handler(event, context):
    (folder / "begun").touch()
    ends = time.monotonic() + 60
    while not (folder / "ended").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    return "done"
'''
crashing = function(code)
said = {}
def run(name):
    said[name] = lambda_svc._execute_function_warm(crashing, {}, name)
first = threading.Thread(target=run, args=("first",))
first.start()
while not (folder / "begun").exists():
    assert first.is_alive()
run("second")
(folder / "ended").touch()
first.join()
lambda_runtime.reset()
print(json.dumps(said))
"""
)


def test_a_process_that_ends_at_its_start_ends_no_other(tmp_path: Path) -> None:
    *_, printed = in_ministack.run(PROGRAM, str(tmp_path), temporary=tmp_path).splitlines()
    said = json.loads(printed)
    assert said["second"]["error"] is True
    assert said["second"]["body"]["errorMessage"]
    assert said["first"]["body"] == "done"
