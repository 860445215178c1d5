"""taskcat deploys the project in each region of .taskcat.yml: all is there, and of that region."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from operate import taskcat
from tests.multiregion.account import DESCRIBE, NOT_MADE, NOT_SHOWN, Stack
from tests.multiregion.runs import IMAGE, REGIONS, SETTINGS, Deployed, Taskcat
from tests.template.synthesis import PSEUDO, Resolver
from tooling.commands import CommandFailed

TESTS: dict[str, Any] = SETTINGS["tests"]
STACKS = [(test, region) for test in TESTS for region in REGIONS]


@pytest.fixture(params=STACKS, ids="-".join)
def stack(request: pytest.FixtureRequest, deployed: Deployed) -> Stack:
    """Each stack in turn."""
    return deployed.stacks[request.param]


@pytest.fixture(scope="session")
def template(project_for_moto: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project_for_moto / taskcat.TEMPLATE).read_text())
    return found


def expected(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
    """Types of the resources that these parameters make, by logical id."""
    made = Resolver(dict(template), {**PSEUDO, **parameters}).made
    return {name: template["Resources"][name]["Type"] for name in made}


def test_each_engine_and_source_of_events_is_tested_in_three_regions_at_least() -> None:
    assert TESTS.keys() >= {"lambda", "fargate", "cloudtrail", "hybrid"}
    assert len({*REGIONS}) >= 3
    assert not any("regions" in test for test in TESTS.values())


def test_taskcat_makes_a_stack_of_each_test_in_each_region(deployed: Deployed) -> None:
    """That it ended with exit code 0 is in the fixture."""
    statuses = {place: stack.status for place, stack in deployed.stacks.items()}
    assert statuses == dict.fromkeys(STACKS, "CREATE_COMPLETE")


def test_parameters_reach_the_stack(stack: Stack) -> None:
    """taskcat says nothing of those that the template lacks, or whose default is a number."""
    asked = TESTS[stack.test]["parameters"] | {"WorkerImageUri": IMAGE}
    assert stack.parameters.items() >= asked.items()


def test_every_resource_is_made(stack: Stack, template: dict[str, Any]) -> None:
    """And no other than those of its parameters."""
    made = {name: kind for name, (kind, _) in stack.resources.items()}
    wanted = expected(template, stack.parameters)
    assert made == {name: kind for name, kind in wanted.items() if kind not in NOT_MADE}


def test_what_cannot_be_made_here_is_known(template: dict[str, Any]) -> None:
    """A type that moto learns one day is to be looked at from then on."""
    wanted = {
        kind
        for test in TESTS.values()
        for kind in expected(
            template, template_defaults(template) | test["parameters"] | {"WorkerImageUri": IMAGE}
        ).values()
    }
    assert wanted - DESCRIBE.keys() == NOT_MADE | NOT_SHOWN


def template_defaults(template: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()}


def test_every_resource_exists_and_names_no_other_region(stack: Stack) -> None:
    """As its own service tells it, for moto's stacks are complete whether it does or not."""
    others = "|".join(region for region in REGIONS if region != stack.region.name)
    for name, (kind, physical_id) in stack.resources.items():
        if kind in NOT_SHOWN:
            continue
        description = stack.describe(kind, physical_id)
        assert description, f"{name} does not exist"
        assert not re.search(others, json.dumps(description, default=str)), name


def test_the_buckets_are_in_the_region(stack: Stack) -> None:
    buckets = [id_ for kind, id_ in stack.resources.values() if kind == "AWS::S3::Bucket"]
    assert stack.outputs["BucketName"] in buckets
    for bucket in [*buckets, stack.parameters["ArtifactBucket"]]:
        assert stack.describe("AWS::S3::Bucket", bucket)["location"] == stack.region.name


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        ("AWS::Lambda::Function", "ProcessFunction"),
        ("AWS::Lambda::LayerVersion", "ProcessingLayer"),
    ],
)
def test_code_comes_from_the_bucket_of_the_region(
    kind: str, folder: str, stack: Stack, project: Path
) -> None:
    content = (project / "artifacts" / f"{folder}.zip").read_bytes()
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    found = [
        stack.describe(kind, id_)
        for name, (each, id_) in stack.resources.items()
        if each == kind and name.startswith(folder)
    ]
    if kind == "AWS::Lambda::Function" and stack.test not in ("lambda", "hybrid"):
        assert found == []
    else:
        (code,) = (each.get("Content", each) for each in found)
        assert code["CodeSha256"] == digest


def test_subnets_are_in_two_zones_of_the_region(stack: Stack) -> None:
    zones = {
        zone["AvailabilityZone"]
        for kind, id_ in stack.resources.values()
        if kind == "AWS::EC2::Subnet"
        for zone in stack.describe(kind, id_)
    }
    region = stack.region.name
    assert zones == (set() if stack.test == "lambda" else {f"{region}a", f"{region}b"})


def test_endpoints_are_of_the_services_of_the_region(stack: Stack) -> None:
    services = {
        endpoint["ServiceName"]
        for kind, id_ in stack.resources.values()
        if kind == "AWS::EC2::VPCEndpoint"
        for endpoint in stack.describe(kind, id_)
    }
    ends = {"lambda": [], "fargate": ["s3", "ecr.api", "ecr.dkr", "logs"]}.get(stack.test, ["s3"])
    assert services == {f"com.amazonaws.{stack.region.name}.{end}" for end in ends}


@pytest.mark.parametrize("region", REGIONS)
def test_the_trail_logs_uploads_only_to_its_bucket(region: str, deployed: Deployed) -> None:
    stack = deployed.stacks["cloudtrail", region]
    trail = stack.describe(*stack.resources["Trail"])
    assert (trail["HomeRegion"], trail["IsLogging"]) == (region, True)
    assert trail["S3BucketName"] == stack.outputs["TrailBucketName"]
    (selector,) = trail["EventSelectors"]
    (data,) = selector["DataResources"]
    assert data["Values"] == [f"arn:aws:s3:::{stack.outputs['BucketName']}/input/"]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("test", ["fargate", "cloudtrail", "hybrid"])
def test_the_rule_starts_the_task_in_the_cluster(
    test: str, region: str, deployed: Deployed
) -> None:
    stack = deployed.stacks[test, region]
    (target,) = stack.describe(*stack.resources["UploadRule"])["Targets"]
    assert target["Arn"] == stack.outputs["ClusterArn"]
    kind, definition = stack.resources["TaskDefinition"]
    assert target["EcsParameters"]["TaskDefinitionArn"] == definition
    (container,) = stack.describe(kind, definition)["containerDefinitions"]
    assert container["image"] == IMAGE


def test_the_report_has_each_stack_with_its_result_and_its_log(deployed: Deployed) -> None:
    page = (deployed.report / "index.html").read_text()
    rows = [re.sub(r"<[^>]*>|\s+", " ", row).split() for row in page.split("<tr>")]
    reported = {(row[0], row[1]): row[3] for row in rows if len(row) > 3 and row[0] in TESTS}
    assert reported == dict.fromkeys(STACKS, "CREATE_COMPLETE")
    for (_, region), stack in deployed.stacks.items():
        name = f"{stack.name}-{region}-cfnlogs.txt"
        assert name in page
        assert "Stack launch was successful" in (deployed.report / name).read_text()


def test_taskcat_fails_with_the_stack(cat: Taskcat) -> None:
    """So its exit code 0 says something."""
    report = cat.folder / "failed"
    with pytest.raises(CommandFailed, match=r"failed to create.* bucket does not exist"):
        cat.run(
            report,
            {"ArtifactBucket": "no-such-bucket"},
            "--test-names=lambda",
            f"--regions={REGIONS[1]}",
        )
    assert "CREATE_FAILED" in (report / "index.html").read_text()
