"""The demo's view of EventBridge: it finds an upload's event however many others came before."""

from __future__ import annotations

import json
from types import SimpleNamespace

from local.event_tap import EventTap


class Queue:
    """SQS with one queue, which gives its first ten messages until they are deleted."""

    def __init__(self) -> None:
        self.bodies: dict[str, str] = {}

    def create_queue(self, **_: object) -> dict:
        return {"QueueUrl": "q"}

    def get_queue_attributes(self, **_: object) -> dict:
        return {"Attributes": {"QueueArn": "arn"}}

    def set_queue_attributes(self, **_: object) -> None: ...

    def receive_message(self, **_: object) -> dict:
        first = [*self.bodies.items()][:10]
        return {"Messages": [{"ReceiptHandle": name, "Body": body} for name, body in first]}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        del self.bodies[ReceiptHandle]


def test_an_event_behind_those_of_many_outputs_is_found_and_so_is_an_earlier_one() -> None:
    queue = Queue()
    rules = SimpleNamespace(put_rule=lambda **_: {"RuleArn": "r"}, put_targets=lambda **_: None)
    clients = {"sqs": queue, "events": rules}
    tap = EventTap(SimpleNamespace(client=clients.__getitem__))
    for number in range(25):
        detail = {"bucket": {"name": "b"}, "object": {"key": f"input/{number}"}}
        time = f"2026-01-01T00:00:{number:02}+00:00"
        queue.bodies[str(number)] = json.dumps({"detail": detail, "time": time})
    late = tap.time_of_event("b", "input/24")
    assert late - tap.time_of_event("b", "input/3") == 21
