"""Parameters that are refused before anything is made."""

from __future__ import annotations

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import CLOUDTRAIL, EXISTING, FARGATE, SOURCE, accepts, refusals

IMAGE = FARGATE["WorkerImageUri"]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"EventSource": "cloudtrail"}, "EventSource=cloudtrail needs Mode=fargate"),
        ({"OutputPrefix": "input/"}, "InputPrefix and OutputPrefix must differ"),
        ({"RejectedPrefix": "input/"}, "InputPrefix and RejectedPrefix must differ"),
        ({"RejectedPrefix": "output/"}, "OutputPrefix and RejectedPrefix must differ"),
        ({"FilesPrefix": "input/"}, "InputPrefix and FilesPrefix must differ"),
        ({"FilesPrefix": "output/"}, "OutputPrefix and FilesPrefix must differ"),
        ({"FilesPrefix": "rejected/"}, "RejectedPrefix and FilesPrefix must differ"),
        (FARGATE | EXISTING | {"VpcId": ""}, "Network=existing needs VpcId"),
        (FARGATE | EXISTING | {"SubnetIds": ""}, "Network=existing needs SubnetIds"),
        (FARGATE | EXISTING | {"Network": "public"}, "VpcId needs Network=existing"),
        (FARGATE | EXISTING | {"Network": "isolated"}, "SubnetIds needs Network=existing"),
    ],
)
def test_a_bad_combination_is_refused_with_its_reason(
    parameters: dict[str, str], reason: str
) -> None:
    assert any(each.startswith(reason) for each in refusals(parameters))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Mode", "ec2"),
        ("EventSource", "sqs"),
        ("Network", "vpn"),
        ("Processor", "processing.maze"),
        ("Processor", "processing/maze.py:solve"),
        ("Processor", "processing.maze:solve()"),
        ("JobPolicyArns", "AdministratorAccess"),
        ("DiskGiB", "201"),
        ("MaxBytes", "-1"),
        ("FunctionMemory", "127"),
        ("FunctionMemory", "10241"),
        ("FunctionTimeout", "0"),
        ("FunctionTimeout", "901"),
        ("TaskSize", "256/4096"),
        ("TaskSize", "1024"),
        ("WorkerImageUri", "worker 1"),
        ("LogRetentionDays", "2"),
        ("VpcId", "my-vpc"),
        ("SubnetIds", "subnet-0123456789abcdef0, subnet-0123456789abcdef1"),
        ("SubnetIds", "subnet-0123456789abcdef0,"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: str) -> None:
    assert name in refusals({name: value})


RANGES = {
    "MaxBytes": (1, 99_999_999_999_999),
    "FunctionMemory": (128, 10_240),
    "FunctionTimeout": (1, 900),
    "TaskTimeout": (1, 604_800),
    "MaxTasks": (0, 9_999),
    "MaxAttempts": (1, 99),
}
NUMBERS = [*RANGES, "HybridThresholdMiB", "LogRetentionDays"]


@in_turn("name", RANGES)
def test_a_number_is_accepted_within_its_range_and_nowhere_else(name: str) -> None:
    """Each number up to 100,000, and where the range ends later, about its end."""
    low, high = RANGES[name]
    tried = {*range(100_001), *range(high - 1000, high + 1000)}
    found = {number for number in tried if accepts(name, str(number))}
    assert found == {number for number in tried if low <= number <= high}


@in_turn("name", NUMBERS)
def test_a_number_reaches_the_code_as_it_was_typed(name: str) -> None:
    """CloudFormation writes a parameter of type Number its own way, and takes each of these."""
    assert SOURCE["Parameters"][name]["Type"] == "String"
    assert SOURCE["Parameters"][name]["Default"].isdigit()
    typed = SOURCE["Parameters"][name]["Default"]
    for value in ("1.0E8", "1e2", "90.5", "+5", "-5", "007", f" {typed}", f"{typed} ", "NaN", ""):
        assert not accepts(name, value)


def test_no_parameter_is_a_number() -> None:
    assert {each["Type"] for each in SOURCE["Parameters"].values()} == {"String"}


@in_turn("parameter", ["InputPrefix", "OutputPrefix", "FilesPrefix", "RejectedPrefix"])
@in_turn(
    "prefix",
    [
        "", "/", "input", "/input/", "in/put/", "input//", "../", "./", "in*/", "in?/", "${x}/",
        "in put/", "\u00e9/", "in\nput/", "a" * 64 + "/",
    ],
)  # fmt: skip
def test_a_prefix_is_one_plain_folder(parameter: str, prefix: str) -> None:
    """So prefixes can contain one another only by being equal, which the rules refuse."""
    assert parameter in refusals({parameter: prefix})


@in_turn("prefix", ["in/", "in-2026.01_a/", "INPUT/", "0/", "a" * 63 + "/"])
def test_a_plain_folder_is_accepted(prefix: str) -> None:
    assert refusals({"InputPrefix": prefix}) == []


def test_all_that_fargate_offers_is_accepted_and_nothing_else() -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html"""
    offered = {
        256: [512, 1024, 2048],
        512: range(1024, 4096 + 1, 1024),
        1024: range(2048, 8192 + 1, 1024),
        2048: range(4096, 16384 + 1, 1024),
        4096: range(8192, 30720 + 1, 1024),
        8192: range(16384, 61440 + 1, 4096),
        16384: range(32768, 122880 + 1, 8192),
    }
    assert SOURCE["Parameters"]["TaskSize"]["AllowedValues"] == [
        f"{cpu}/{memory}" for cpu, memories in offered.items() for memory in memories
    ]


def test_parameters_of_the_other_engine_are_no_reason_to_refuse() -> None:
    """A stack that goes to Lambda and back keeps its image."""
    assert refusals({"Mode": "lambda", "WorkerImageUri": IMAGE}) == []
    assert refusals(CLOUDTRAIL | {"FunctionTimeout": "900"}) == []


def test_rules_use_only_what_rules_may_use() -> None:
    """CloudFormation refuses the template over any other function, Fn::If and Fn::Join included."""
    allowed = {"Ref", "Fn::Equals", "Fn::Not", "Fn::Or", "Fn::And", "Fn::Contains"}
    used: set[str] = set()

    def look(node: object) -> None:
        if isinstance(node, dict):
            used.update(key for key in node if key == "Ref" or key.startswith("Fn::"))
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(SOURCE["Rules"])
    assert used <= allowed
