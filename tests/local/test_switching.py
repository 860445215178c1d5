"""A live stack changes its Mode, EventSource or Network: new uploads go the new way, and all that
was there before stays."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, permutations

import pytest

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, until
from local.scenarios import SCENARIOS
from tests.local.test_destroy import change
from tests.local.test_sweep import Sweeper
from tests.support.task_network import task_network

Maze = Callable[[int], bytes]
Content = dict[tuple[str, str], str]

STACK = "switching"
SCENARIO_TOUR = ["lambda", "fargate", "lambda", "cloudtrail", "lambda", "hybrid", "fargate"]
SCENARIO_TOUR += ["cloudtrail", "fargate", "hybrid", "cloudtrail", "hybrid", "lambda"]
NETWORK_TOUR = ["isolated", "private", "isolated", "public", "isolated", "existing", "private"]
NETWORK_TOUR += ["public", "private", "existing", "public", "existing", "isolated"]


def content(pipeline: Pipeline) -> Content:
    """All versions of all objects, with what is in them."""
    found = pipeline.s3.list_object_versions(Bucket=pipeline.bucket).get("Versions", [])
    return {(version["Key"], version["VersionId"]): version["ETag"] for version in found}


def ways(aws: EmbeddedAws, pipeline: Pipeline) -> list[str]:
    """The ways on which an upload reaches a job now."""
    bucket = pipeline.s3.get_bucket_notification_configuration(Bucket=pipeline.bucket)
    trails = aws.client("cloudtrail").describe_trails()["trailList"]
    rules = aws.client("events").list_rules()["Rules"]
    patterns = [each.get("EventPattern", "") for each in rules]
    sorting = [each for each in patterns if pipeline.bucket in each and "numeric" in each]
    found = {
        "lambda": "LambdaFunctionConfigurations" in bucket,
        "fargate": "EventBridgeConfiguration" in bucket and not sorting,
        "hybrid": "EventBridgeConfiguration" in bucket and len(sorting) == 2,
        "cloudtrail": any(trail["Name"] == pipeline.bucket for trail in trails),
    }
    return [way for way, is_there in found.items() if is_there]


def mode_of_job(pipeline: Pipeline, key: str, body: bytes) -> str:
    """Upload, wait for the output; gives the mode in which the one job of it ran."""
    result = pipeline.result(key, pipeline.upload(key, body))
    assert result.is_output
    (report,) = pipeline.reports(key)
    return str(report["mode"])


def change_at_rest(aws: EmbeddedAws, **changed: str) -> None:
    """As `make deploy` does it: a task whose output is there may not have ended yet."""
    if cluster := aws.outputs(STACK).get("ClusterArn"):
        tasks = aws.client("ecs").list_tasks
        assert until(lambda: tasks(cluster=cluster)["taskArns"] == [], "no task that runs")
    change(aws, STACK, **changed)


@pytest.mark.parametrize(
    ("tour", "places"),
    [(SCENARIO_TOUR, set(SCENARIOS)), (NETWORK_TOUR, set(NETWORK_TOUR))],
    ids=["scenarios", "networks"],
)
def test_the_tour_makes_each_change_once(tour: Sequence[str], places: set[str]) -> None:
    assert sorted(pairwise(tour)) == sorted(permutations(places, 2))


@pytest.fixture(scope="module")
def switched(aws: EmbeddedAws, maze: Maze) -> Iterator[list[tuple[str, list[str], str, Content]]]:
    """For each stop of the tour: where, the ways there, the mode of its job, what there was."""
    seen = []
    aws.deploy_all({STACK: {"WorkerImageUri": aws.executor.worker_image}})
    for number, scenario in enumerate(SCENARIO_TOUR):
        if number:
            change_at_rest(aws, **({"EventSource": "s3"} | SCENARIOS[scenario]))
        pipeline = Pipeline(aws, STACK, outputs := aws.outputs(STACK))
        before = content(pipeline)
        mode = mode_of_job(pipeline, f"input/{number}.png", maze(number))
        assert outputs["Mode"] in (mode, "hybrid")
        assert pipeline.failures() == []
        seen.append((scenario, ways(aws, pipeline), mode, before))
    seen.append(("end", [], "", content(pipeline)))
    yield seen


def test_a_new_upload_goes_the_new_way_and_no_other(
    switched: list[tuple[str, list[str], str, Content]],
) -> None:
    for scenario, found, mode, _ in switched[:-1]:
        assert found == [scenario]
        assert mode == ("lambda" if scenario in ("lambda", "hybrid") else "fargate")


def test_nothing_that_was_there_is_lost_or_done_again(
    switched: list[tuple[str, list[str], str, Content]],
) -> None:
    for number, (before, after) in enumerate(pairwise(stop[-1] for stop in switched)):
        assert before.items() <= after.items()
        new = {key for key, _ in after.keys() - before.keys()}
        assert new == {f"input/{number}.png", f"output/{number}.png"}
        assert len(after) == len(before) + 2


def test_what_a_change_of_mode_lost_is_started_by_the_new_engine(
    aws: EmbeddedAws, maze: Maze, switched: object
) -> None:
    before = Pipeline(aws, STACK, aws.outputs(STACK))
    assert before.outputs["Mode"] == "lambda"
    with Sweeper(before).events_are_lost():
        version = before.upload("input/lost.png", maze(0))
    change_at_rest(aws, Mode="fargate")
    pipeline = Pipeline(aws, STACK, aws.outputs(STACK))
    sweep = Sweeper(pipeline)
    with sweep.without_grace():
        assert sweep(prefix="input/lost.png")["outcomes"] == {"started": 1}
    assert pipeline.result("input/lost.png", version).is_output
    (report,) = pipeline.reports("input/lost.png")
    assert report["mode"] == "fargate"


def test_the_network_of_a_live_stack_can_be_any_other(
    aws: EmbeddedAws, maze: Maze, switched: object
) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
    own = {"Name": "vpc-id", "Values": [vpc["VpcId"]]}
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=[own])["Subnets"]]
    existing = {"VpcId": vpc["VpcId"], "SubnetIds": ",".join(subnets)}
    aws.deploy(STACK, Mode="fargate")  # a change of Mode by `sam deploy`, this time
    for number, network in enumerate(NETWORK_TOUR):
        if number:
            companions = existing if network == "existing" else {"VpcId": "", "SubnetIds": ""}
            change_at_rest(aws, Network=network, **companions)
        pipeline = Pipeline(aws, STACK, aws.outputs(STACK))
        before = content(pipeline)
        mode_of_job(pipeline, f"input/network-{number}.png", maze(number))
        assert before.items() <= content(pipeline).items()
        assert pipeline.failures() == []
        used = task_network(pipeline)["subnets"]
        assert (used == subnets) == (network == "existing")
        assert len(ec2.describe_subnets(SubnetIds=used)["Subnets"]) == len(used)
        assert (
            standing_idle(aws, ec2.describe_subnets(SubnetIds=used)["Subnets"][0]["VpcId"])
            == {
                "isolated": {"endpoints": 4, "NAT gateways": 0},
                "private": {"endpoints": 1, "NAT gateways": 1},
                "public": {"endpoints": 1, "NAT gateways": 0},
                "existing": {"endpoints": 0, "NAT gateways": 0},
            }[network]
        )


def standing_idle(aws: EmbeddedAws, vpc: str) -> dict[str, int]:
    """What of the VPC costs money while nothing runs, and the endpoint of S3, which is free."""
    ec2 = aws.client("ec2")
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    return {
        "endpoints": sum(endpoint["VpcId"] == vpc for endpoint in endpoints),
        "NAT gateways": sum((g["VpcId"], g["State"]) == (vpc, "available") for g in gateways),
    }
