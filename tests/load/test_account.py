"""What the load test calls a fault, and what an explanation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.load.account import Account
from tests.load.evidence import reason
from tests.load.judge import Repeats, repeats

UPLOADED = "2026-11-26T10:00:00.500000+00:00"
LATER, EARLIER = "2026-11-26T10:00:01.000000+00:00", "2026-11-26T09:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("histories", "written_twice", "written_again"),
    [
        ([["v1", "v2"], []], [], []),
        ([["v1", "v1"], []], ["v1"], []),
        ([["v1", "v2", "v1"], []], ["v1"], []),
        ([["v1", None, "v1", None], ["v2"]], [], ["v1"]),
        ([["v1", None, "v1", "v1"], []], ["v1"], ["v1"]),
        ([["v1", None], ["v1"]], ["v1"], []),
        ([["v1"], ["v2", None, "v1"]], ["v1"], []),
    ],
)
def test_a_repeated_result_is_a_fault_unless_the_first_one_had_been_removed(
    histories: list[list[str | None]], written_twice: list[str], written_again: list[str]
) -> None:
    assert repeats(*histories) == (written_twice, written_again)


def task(**differs: object) -> dict[str, Any]:
    ended = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "exit": 0}
    return {"taskArn": "t", "createdAt": LATER, "stoppedReason": "why", **ended, **differs}


FAILURE = {"source": "launch", "reason": "denied", "time": LATER}


@pytest.mark.parametrize(
    ("differs", "says"),
    [
        ({}, None),
        ({"failure": FAILURE}, "launch failed: denied"),
        ({"failure": FAILURE | {"time": EARLIER}}, None),
        ({"tasks": [task()]}, None),
        ({"tasks": [task(exit=1)]}, "t ended with 1: why"),
        ({"tasks": [task(exit=1, createdAt=EARLIER)]}, None),
        ({"tasks": [task(exit=None, stopCode="TaskFailedToStart")]}, "t ended with None: why"),
        ({"tasks": [task(lastStatus="RUNNING", exit=None)]}, "t is still RUNNING"),
        ({"emulator": ["rule: ['t'] for ...", "rule: lost an event: no"]}, "lost an event: no"),
    ],
)
def test_the_reason_is_what_the_uploads_own_record_says_of_its_current_version(
    differs: dict[str, Any], says: str | None
) -> None:
    story = {"upload": [{"time": EARLIER}, {"time": UPLOADED}], "failure": None, "tasks": []}
    found = reason(story | {"emulator": []} | differs)
    assert says in found if says and found else found == says


class NoEvidence:
    """Of an upload of which nothing is known but that it is there."""

    def __init__(self, pipeline: object) -> None:
        pass

    def of(self, key: str) -> dict[str, Any]:
        return {"upload": [{"time": UPLOADED}], "failure": None, "tasks": [], "emulator": []}

    def failed(self) -> set[str]:
        return {"failed"}

    def problems_of_the_emulator(self) -> list[str]:
        return []


@pytest.fixture
def account() -> Account:
    newest = dict.fromkeys(("a", "failed", *map(str, range(100))), "v1")
    return Account(None, newest, NoEvidence)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "arguments", "fault"),
    [
        ("needed_the_sweep", [["a"]], "a, version v1: left by its events: nothing says why"),
        ("needed_the_sweep", [["a", "1"]], "2 of 102 uploads were left to the sweep"),
        ("lost", [["a"]], "a, version v1: lost"),
        ("ends", ["a", {}, {"output/a": "v1"}], "a, version v1: ends with {}"),
        ("repeats", ["a", Repeats(["v0"], [])], "a, version v1: has two results for version v0"),
        ("failed_beside", [[]], "failed, version v1: failed, though it has its result"),
    ],
)
def test_faults_fail_and_leave_their_evidence(
    call: str, arguments: list[Any], fault: str, account: Account, tmp_path: Path
) -> None:
    getattr(account, call)(*arguments)
    with pytest.raises(AssertionError) as raised:
        account.close(tmp_path / "kept" / "evidence.json")
    assert fault in str(raised.value)
    kept = json.loads((tmp_path / "kept" / "evidence.json").read_text())
    assert fault in "\n".join(kept["faults"])
    assert kept["uploads"]


def test_a_failure_tells_of_what_was_explained_too(account: Account, tmp_path: Path) -> None:
    account.repeats("a", Repeats([], ["v0"]))
    account.lost(["1"])
    with pytest.raises(AssertionError, match="a: .* version v0 was removed as stale"):
        account.close(tmp_path / "evidence.json")


def test_what_was_written_again_is_counted_and_kept(account: Account, tmp_path: Path) -> None:
    account.repeats("a", Repeats([], ["v0"]))
    account.close(tmp_path / "evidence.json")
    assert account.written_again == 1
    assert json.loads((tmp_path / "evidence.json").read_text())["uploads"]["a"]["now"]


def test_where_all_is_well_no_evidence_is_left(account: Account, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text("of an earlier run")
    account.needed_the_sweep([])
    account.lost([])
    account.ends("a", {"output/a": "v1"}, {"output/a": "v1"})
    account.repeats("a", Repeats([], []))
    account.failed_beside(["failed"])
    account.close(tmp_path / "evidence.json")
    assert list(tmp_path.iterdir()) == []
