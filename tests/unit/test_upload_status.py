"""`make status KEY=...`: what is shown of one upload, for people and for programs."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import one
import pytest
from botocore.exceptions import ClientError

from operate import status, upload
from operate.stacks import Stack

STACK = Stack(
    id="arn:aws:cloudformation:eu-west-1:111122223333:stack/mazes/1",
    name="mazes",
    status="CREATE_COMPLETE",
    parameters={"Mode": "fargate", "EventSource": "s3", "SweepSchedule": "rate(1 hour)"},
    outputs={"SweepFunctionName": "the-sweep", "ClusterArn": "the cluster"},
)
DOCUMENT = (Path(__file__).parents[2] / "docs/RESULTS.md").read_text()
SECTION = DOCUMENT.split("## Ask for one")[1].split("\n## ")[0]
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTHING = {
    "state": "not_there",
    "bucket": "uploads",
    "key": "input/a",
    "version": None,
    "uploaded": None,
    "reason": None,
    "outputs": [],
    "output_count": 0,
    "manifest": None,
    "job_version": None,
    "gave_up": False,
    "attempts": 0,
    "max_attempts": None,
    "next_try": None,
    "outdated": None,
}
THERE = NOTHING | {"version": "v1", "uploaded": "2026-01-01T10:11:12+00:00"}
WAITING = THERE | {"state": "waiting", "max_attempts": 3}
OUTPUT = {"key": "output/a", "size": 1234, "content_type": "image/png"}


class Account:
    """Its sweep gives this answer; tasks run for these uploads."""

    def __init__(self, answer: dict) -> None:
        self.answer = answer
        self.asked: dict = {}
        self.tasks: list[tuple[str, str]] = []
        self.refuses: str | None = None

    def client(self, service: str, config: object = None) -> Account:
        return self

    def invoke(self, **request: object) -> dict:
        self.asked = request
        error = {"FunctionError": "Unhandled"} if "errorMessage" in self.answer else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **error}

    def get_paginator(self, operation: str) -> SimpleNamespace:
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses}}, operation)
        arns = [f"{number}" for number in range(len(self.tasks))]
        return SimpleNamespace(paginate=lambda cluster: [{"taskArns": arns}])

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict:
        return {
            "tasks": [
                {
                    "createdAt": BEGAN + timedelta(minutes=number),
                    "overrides": {"containerOverrides": [{"environment": variables(*each)}]},
                }
                for number, each in enumerate(self.tasks)
            ]
        }


def variables(bucket: str, key: str) -> list[dict[str, str]]:
    return [{"name": "S3_BUCKET", "value": bucket}, {"name": "S3_KEY", "value": key}]


@pytest.fixture
def account(monkeypatch) -> Account:
    account = Account(NOTHING)
    monkeypatch.setattr("boto3.client", account.client)
    monkeypatch.setattr("operate.stacks.find", lambda name: STACK)
    return account


def documented(table: int) -> list[str]:
    """The names in the first column of a table of the document."""
    rows = SECTION.split("| --- | --- |\n")[table].split("\n\n")[0]
    return [name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_the_document_has_every_state_and_every_field() -> None:
    states = [value for name, value in vars(one).items() if name.isupper() and type(value) is str]
    assert sorted(documented(1)) == sorted(states) == sorted(upload.STATES)
    fields = [each.name for each in dataclasses.fields(one.Answer)]
    assert sorted(documented(2)) == sorted([*fields, "running_since"])
    assert NOTHING.keys() == {*fields}


def test_a_program_gets_all_fields_and_the_sweep_the_key_as_it_is(account, capsys):
    key = "input/a b\u00fc\udcff'$.png"
    assert status.main(["mazes", f"--key={key}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == NOTHING | {"running_since": None}
    assert account.asked["FunctionName"] == "the-sweep"
    assert json.loads(account.asked["Payload"]) == {"status": key}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NOTHING, 0),
        (THERE | {"state": "waiting"}, 0),
        (THERE | {"state": "running"}, 0),
        (THERE | {"state": "succeeded"}, 0),
        (THERE | {"state": "rejected"}, 0),
        (THERE | {"state": "rejected", "gave_up": True}, 1),
        (THERE | {"state": "failed"}, 1),
        (THERE | {"state": "cant_start"}, 1),
        (NOTHING | {"state": "not_an_upload"}, 2),
        ({"errorMessage": "BUCKET is not set"}, 2),
    ],
)
@pytest.mark.parametrize("as_json", [["--json"], []])
def test_the_exit_code_says_whether_somebody_has_to_look(account, capsys, answer, code, as_json):
    account.answer = answer
    assert status.main(["mazes", "--key", "input/a", *as_json]) == code
    assert "errorMessage" not in answer or "BUCKET is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (NOTHING, ["s3://uploads/input/a", "is not there"]),
        (
            NOTHING | {"state": "not_an_upload", "reason": "the key is outside input/"},
            ["no upload of this stack: the key is outside input/"],
        ),
        (WAITING, ["version v1, uploaded 2026-01-01 10:11:12 UTC", "waits for its job"]),
        (
            WAITING | {"attempts": 1, "next_try": "2026-01-01T11:00:00+00:00"},
            [
                "attempts of the sweep: 1 of 3",
                "started again, if it has no result then: by the next sweep (rate(1",
            ],
        ),
        (
            WAITING | {"next_try": "2126-01-01T11:00:00+00:00"},
            ["by the next sweep from 2126-01-01 11:00:00 UTC on (rate(1 hour))"],
        ),
        (WAITING | {"reason": "out of luck"}, ["its last failure: out of luck"]),
        (
            WAITING
            | {
                "state": "failed",
                "reason": "out of luck",
                "attempts": 3,
                "next_try": "2026-01-01T11:00:00+00:00",
            },
            ["failed: out of luck", "it is given up: by the next sweep"],
        ),
        (
            WAITING | {"state": "cant_start", "reason": "no image"},
            ["can't start: no image", "attempts of the sweep: 0 of 3"],
        ),
        (
            THERE | {"state": "succeeded", "outputs": [OUTPUT], "output_count": 1},
            ["  succeeded", "output/a  1,234 bytes  image/png"],
        ),
        (
            THERE
            | {
                "state": "succeeded",
                "outputs": [OUTPUT],
                "output_count": 3,
                "manifest": "output/m",
            },
            ["the manifest is output/m", "and 2 more, which the manifest names"],
        ),
        (
            THERE | {"state": "succeeded", "uploaded": None},
            ["version v1, the upload itself is gone"],
        ),
        (THERE | {"state": "rejected", "reason": "no picture"}, ["rejected: no picture"]),
        (THERE | {"state": "rejected"}, ["rejected: no reason is kept"]),
        (THERE | {"state": "rejected", "gave_up": True}, ["make sweep GIVEN_UP=1"]),
        (
            WAITING
            | {"outdated": NOTHING | {"state": "succeeded", "version": "v0", "outputs": [OUTPUT]}},
            ["of an earlier upload (version v0) there is a result", "output/a"],
        ),
    ],
)
def test_people_read_each_state_in_words(account, capsys, answer, shown):
    account.answer = answer
    status.main(["mazes", "--key", "input/a"])
    said = capsys.readouterr().out
    for each in shown:
        assert each in said


def test_a_key_that_no_terminal_takes_is_shown_all_the_same(account, capsys):
    account.answer = NOTHING | {"key": "input/\udcff"}
    assert status.main(["mazes", "--key", "input/\udcff"]) == 0
    assert r"input/\udcff" in capsys.readouterr().out


def test_without_a_schedule_only_a_sweep_by_hand_tries_again(account):
    stack = Stack(STACK.id, "", "", {"SweepSchedule": ""}, STACK.outputs)
    said = WAITING | {"next_try": "2026-01-01T11:00:00+00:00", "running_since": None}
    assert "by make sweep alone" in upload.screen(said, stack)


def running(account: Account, capsys: pytest.CaptureFixture[str]) -> str | None:
    account.answer = WAITING | {"state": "running"}
    assert status.main(["mazes", "--key", "input/a", "--json"]) == 0
    since: str | None = json.loads(capsys.readouterr().out)["running_since"]
    return since


def test_a_task_runs_since_it_was_made_for_this_key_of_this_bucket(account, capsys):
    account.tasks = [("uploads", "input/b"), ("another", "input/a"), ("uploads", "input/a")]
    assert running(account, capsys) == (BEGAN + timedelta(minutes=2)).isoformat()
    status.main(["mazes", "--key", "input/a"])
    assert "running, as a task since 2026-01-02 03:06:05" in capsys.readouterr().out


def test_a_task_that_ended_meanwhile_ran_since_nobody_knows_when(account, capsys):
    assert running(account, capsys) is None


def test_who_may_not_see_tasks_gets_the_rest(account, capsys):
    account.refuses = "AccessDeniedException"
    assert running(account, capsys) is None


def test_another_refusal_of_ecs_is_an_error(account, capsys):
    account.refuses = "ServerException"
    account.answer = WAITING | {"state": "running"}
    assert status.main(["mazes", "--key", "input/a"]) == 2
    assert "ServerException" in capsys.readouterr().err
