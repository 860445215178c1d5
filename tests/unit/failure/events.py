"""What comes to the failure function: the three shapes, as AWS sends them."""

from __future__ import annotations

import json

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/cluster/0123456789abcdef"
TIME = "2026-01-01T12:00:00Z"
REPORT = {
    "outcome": "failed",
    "bucket": "uploads",
    "key": "input/ü a+b.png",
    "version": "v1",
    "mode": "fargate",
    "reason": "StoreError: s3:HeadObject on uploads/output/ü a+b.png: 403",
}
SENT = "1767268800000"
"""The same in milliseconds, as SQS has it."""


def message(body: dict | str, **attributes: str) -> dict:
    return {
        "messageId": f"id of {body}"[:20],
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"SentTimestamp": SENT},
        "messageAttributes": {n: {"stringValue": v} for n, v in attributes.items()},
    }


def task(**changes: object) -> dict:
    variables = {"S3_BUCKET": "uploads", "S3_KEY": REPORT["key"]}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    detail = {
        "taskArn": TASK,
        "createdAt": "2026-01-01T11:58:00Z",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "overrides": {"containerOverrides": [{"name": "worker", "environment": environment}]},
        "containers": [{"name": "worker", "exitCode": 1}],
        **changes,
    }
    return {"detail-type": "ECS Task State Change", "time": TIME, "detail": detail}


def function(name: str, payload: dict, **changes: object) -> dict:
    return {
        "version": "1.0",
        "timestamp": TIME,
        "requestContext": {
            "requestId": "an invocation",
            "functionArn": f"arn:aws:lambda:eu-west-1:111122223333:function:{name}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responsePayload": {"errorType": "Failed", "errorMessage": REPORT["reason"]},
        **changes,
    }


def s3_event(*keys: str) -> dict:
    entities = [{"bucket": {"name": "uploads"}, "object": {"key": key}} for key in keys]
    return {
        "Records": [
            {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}
            for entity in entities
        ]
    }


def eventbridge_event(key: str) -> dict:
    detail = {"bucket": {"name": "uploads"}, "object": {"key": key}}
    return {"detail-type": "Object Created", "source": "aws.s3", "time": TIME, "detail": detail}


SOURCES = {
    "task": message(task()),
    "function": message(function("process", s3_event("input/%C3%BC+a%2Bb.png"))),
    "launch": message(
        eventbridge_event(REPORT["key"]),
        ERROR_CODE="NO_PERMISSIONS",
        ERROR_MESSAGE="not authorized to perform: ecs:RunTask",
    ),
}
