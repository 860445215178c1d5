"""What can't be started is reported, and harms no neighbour in the queue."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from launch_queue import LaunchQueue

from tests.support.launching import message
from tests.support.memory_store import MemoryStore
from tests.unit.launch.doubles import QUEUES, Cluster, denied, no_response, run


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message(1)["body"], "NO_PERMISSIONS"),
        ("no JSON", "INVALID_JSON"),
        ("{}", "INVALID_JSON"),
    ],
)
def test_what_cant_start_is_reported_and_harms_no_neighbour(monkeypatch, body, code):
    sent = []
    sqs = SimpleNamespace(send_message=lambda **request: sent.append(request))
    monkeypatch.setattr("boto3.client", lambda service: sqs)
    queue = LaunchQueue(QUEUES, MemoryStore())
    cluster = Cluster(problems={"input/1": [denied()]})
    assert run(cluster, [message(1) | {"body": body}, message(2)], 5, queue=queue) == []
    assert [*cluster.started] == ["input/2"]
    (said,) = sent
    assert (said["QueueUrl"], said["MessageBody"]) == ("https://raw", body)
    assert said["MessageAttributes"]["ERROR_CODE"]["StringValue"] == code


def test_an_error_without_words_is_reported_all_the_same(monkeypatch):
    """SQS refuses an empty text; and what can't be reported comes back, before all others."""
    sent = []
    sqs = SimpleNamespace(send_message=lambda **request: sent.append(request))
    monkeypatch.setattr("boto3.client", lambda service: sqs)
    queue = LaunchQueue(QUEUES, MemoryStore())
    run(Cluster(problems={"input/1": [ValueError()], "input/2": [ValueError("\ud800\0" * 9999)]}),
        [message(1), message(2)], max_tasks=5, queue=queue)  # fmt: skip
    said = [each["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] for each in sent]
    assert said[0] == "ValueError()"
    assert said[1].encode() and len(said[1]) == 2000 and "\0" not in said[1]


def test_what_can_neither_start_nor_be_reported_waits(monkeypatch):
    def send_message(**request: object) -> None:
        raise no_response()

    monkeypatch.setattr("boto3.client", lambda service: SimpleNamespace(send_message=send_message))
    queue = LaunchQueue(QUEUES, MemoryStore())
    cluster = Cluster(problems={"input/1": [denied()] * 10**6})
    messages = [message(1), message(2)]
    assert run(cluster, messages, max_tasks=5, seconds=0.2, queue=queue) == messages[:1]
    assert [*cluster.started] == ["input/2"]
