"""The emulator's EventBridge, whose target is an ECS that responds as told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.local import in_ministack

Responses = list[list[object]]
"""Status and body of each; the last one is given again and again."""

STARTED = [200, {"tasks": [{"taskArn": "arn"}], "failures": []}]
NO_CAPACITY = [200, {"tasks": [], "failures": [{"reason": "Capacity is unavailable"}]}]
THROTTLED = [400, {"__type": "ThrottlingException", "message": "Rate exceeded"}]
BROKEN = [503, {"__type": "ServerException", "message": "try again"}]
DENIED = [400, {"__type": "AccessDeniedException", "message": "no"}]
WRONG = [400, {"__type": "InvalidParameterException", "message": "no such subnet"}]

MOST_RETRIES = 2
KEY = 'a "b".png'
"""Of the upload in the event."""

_PROGRAM = """
import http.server, json, os, sys, threading
os.environ.update(AUTH="true")

class Ecs(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        calls.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        status, body = responses[min(len(calls), len(responses)) - 1]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def log_message(self, *_): pass

server = http.server.HTTPServer(("127.0.0.1", 0), Ecs)
threading.Thread(target=server.serve_forever, daemon=True).start()
from ministack.services import eventbridge
from local.emulator import eventbridge_to_ecs as link
table, key, most_retries = map(json.loads, sys.argv[1:])
event = {"EventId": "1", "Source": "aws.s3", "DetailType": "Object Created", "Time": 0,
         "Detail": json.dumps({"object": {"key": key}})}
target = {
    "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "RoleArn": "arn:aws:iam::0:role/r",
    "EcsParameters": {"TaskDefinitionArn": "t", "LaunchType": "FARGATE"},
    "RetryPolicy": {"MaximumRetryAttempts": most_retries},
    "InputTransformer": {
        "InputPathsMap": {"key": "$.detail.object.key"},
        "InputTemplate": '{"containerOverrides": [{"name": "worker", "environment":'
                         ' [{"name": "S3_KEY", "value": <key>}]}]}',
    },
}
for responses in table:
    calls, given_up = [], None
    try:
        link._run_task_with_retries(
            f"http://127.0.0.1:{server.server_port}", target, {"Name": "rule"},
            eventbridge._pattern_event_view(event))
    except link.GivenUp as error:
        given_up = [error.code, error.condition, error.retries]
    print(json.dumps({"calls": calls, "given_up": given_up}))
"""


def launch(table: list[Responses], temporary: Path) -> list[dict[str, Any]]:
    """For each list of responses: the `calls` of RunTask, and why it was `given_up`, or None."""
    told = (json.dumps(each) for each in (table, KEY, MOST_RETRIES))
    printed = in_ministack.run(_PROGRAM, *told, temporary=temporary)
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"calls"')]
