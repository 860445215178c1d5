"""The template explains itself, works anywhere, and linters find nothing."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import ROOT, SOURCE

TEXT = (ROOT / "template.yaml").read_text()
INTERFACE = SOURCE["Metadata"]["AWS::CloudFormation::Interface"]
ENVIRONMENTS: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text())
PARAMETERS_DOCUMENT = (ROOT / "docs/PARAMETERS.md").read_text()
README = (ROOT / "README.md").read_text()
BANNERS = ["Bucket", "Event", "Compute", "Result", "Failure", "Watching", "Outputs"]


@in_turn("name", SOURCE["Parameters"])
def test_every_parameter_is_described_and_has_a_default(name: str) -> None:
    assert SOURCE["Parameters"][name]["Description"]
    assert "Default" in SOURCE["Parameters"][name]


def test_every_parameter_is_in_one_group_and_has_a_label() -> None:
    grouped = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(SOURCE["Parameters"])
    assert INTERFACE["ParameterLabels"].keys() == SOURCE["Parameters"].keys()
    for name, label in INTERFACE["ParameterLabels"].items():
        assert label["default"].startswith(f"{name}: ")  # the console shows it instead of the name


def test_parameters_are_declared_in_the_order_of_their_groups() -> None:
    """Within each group; the groups have the order of importance."""
    declared = [*SOURCE["Parameters"]]
    for group in INTERFACE["ParameterGroups"]:
        places = [declared.index(name) for name in group["Parameters"]]
        assert places == sorted(places)


def defaults_in(text: str) -> list[tuple[str, str]]:
    """Of the rows of tables of parameters: names and defaults."""
    return re.findall(r"(?m)^\| `([A-Z]\w+)` \| (?:`(.*?)` )?\| ", text)


def test_the_document_has_all_parameters_in_their_groups_with_their_defaults() -> None:
    sections = dict(re.findall(r"(?ms)^## ([^\n]*)\n(.*?)(?=^## |\Z)", PARAMETERS_DOCUMENT))
    labels = [group["Label"]["default"] for group in INTERFACE["ParameterGroups"]]
    assert [*sections][: len(labels)] == labels
    for group in INTERFACE["ParameterGroups"]:
        assert defaults_in(sections[group["Label"]["default"]]) == [
            (name, SOURCE["Parameters"][name]["Default"]) for name in group["Parameters"]
        ]


def test_the_readme_has_ten_of_them_with_the_same_defaults() -> None:
    rows = defaults_in(README)
    assert len(rows) == 10
    for name, default in rows:
        assert SOURCE["Parameters"][name]["Default"] == default, name


@in_turn("name", SOURCE["Outputs"])
def test_every_output_is_described(name: str) -> None:
    assert SOURCE["Outputs"][name]["Description"]


def test_patterns_of_parameters_say_what_they_want() -> None:
    """CloudFormation's own message shows the regular expression."""
    for parameter in SOURCE["Parameters"].values():
        assert ("AllowedPattern" in parameter) == ("ConstraintDescription" in parameter)


def test_sections_follow_the_data() -> None:
    titles = re.findall(r"^  # ==== (\w+)", TEXT, re.MULTILINE)
    ordered = [title for number, title in enumerate(titles) if title not in titles[:number]]
    assert ordered == BANNERS
    assert titles == sorted(titles, key=BANNERS.index)


@pytest.mark.parametrize(
    "literal",
    [
        r"arn:aws",
        r"\b(us|eu|ap|sa|ca|me|af|il|cn)-(gov-)?(north|south|east|west|central)\w*-\d",
        r"\b\d{12}\b",
        r"amazonaws\.com\.cn",
    ],
)
def test_nothing_names_a_region_an_account_or_a_partition(literal: str) -> None:
    """But the price list in the description of Network."""
    text = TEXT.replace("list prices of us-east-1", "")
    assert not re.search(literal, text)


def test_there_is_an_environment_for_each_engine() -> None:
    engines = {*SOURCE["Parameters"]["Mode"]["AllowedValues"]}
    assert ENVIRONMENTS.keys() == {"version", "default"} | engines
    for engine in engines:
        overrides = ENVIRONMENTS[engine]["deploy"]["parameters"]["parameter_overrides"]
        assert overrides == f"Mode={engine}"


@in_turn("environment", sorted(ENVIRONMENTS.keys() - {"version"}))
def test_an_environment_needs_no_question_and_no_more_than_iam(environment: str) -> None:
    deploy = ENVIRONMENTS[environment]["deploy"]["parameters"]
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert deploy["resolve_s3"] is True
    assert deploy["confirm_changeset"] is False
    assert "region" not in deploy
    assert "cached" not in ENVIRONMENTS[environment]["build"]["parameters"]


def test_each_environment_has_a_stack_of_its_own() -> None:
    names = [
        each["deploy"]["parameters"]["stack_name"]
        for environment, each in ENVIRONMENTS.items()
        if environment != "version"
    ]
    assert len(names) == len({*names})
