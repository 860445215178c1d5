"""An account on the emulator: what is in it, by region, as each service itself says."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

# moto's CloudFormation passes over these, and says CREATE_COMPLETE; tests/template looks at them.
NOT_MADE = {
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
}
# Its CloudFormation makes these, and its EC2 does not show them; or there is nothing to be shown.
NOT_SHOWN = {"AWS::EC2::SubnetRouteTableAssociation", "Custom::ServiceLinkedRole"}


@dataclass(frozen=True)
class Region:
    """One region of the account."""

    endpoint: str
    name: str

    def client(self, service: str) -> Any:
        return _client(service, self.endpoint, self.name)

    def stacks(self) -> dict[str, Stack]:
        """The stacks in it, by the name of taskcat's test."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {stack.test: stack for stack in (Stack(self, each) for each in found)}


@functools.cache
def _client(service: str, endpoint: str, region: str) -> Any:
    """One of each: to make one takes longer than to use it."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        **KEYS,
    )


class Stack:
    """One stack in one region."""

    def __init__(self, region: Region, described: Mapping[str, Any]) -> None:
        self.region = region
        self.name: str = described["StackName"]
        self.status: str = described["StackStatus"]
        # Not from its tags: taskcat tags each stack with the names of several tests.
        self.test = self.name.removeprefix("tCaT-").rpartition("-")[0]
        self.parameters: dict[str, str] = {
            each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]
        }
        self.outputs: dict[str, str] = {
            each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]
        }

    @functools.cached_property
    def resources(self) -> dict[str, tuple[str, str]]:
        """Type and physical id of what was made, by logical id."""
        listed = self.region.client("cloudformation").describe_stack_resources(StackName=self.name)[
            "StackResources"
        ]
        return {
            each["LogicalResourceId"]: (each["ResourceType"], each.get("PhysicalResourceId", ""))
            for each in listed
            if "LogicalResourceId" in each  # moto lists what it did not make, too, without a name
        }

    def describe(self, kind: str, physical_id: str) -> Any:
        """What the service says of a resource; raises, or says nothing, if it does not exist."""
        return DESCRIBE[kind](self, physical_id)


def _s3_bucket(stack: Stack, name: str) -> Any:
    s3 = stack.region.client("s3")
    return {
        # us-east-1 has no name here, for historical reasons.
        "location": s3.get_bucket_location(Bucket=name)["LocationConstraint"] or "us-east-1",
        "notifications": s3.get_bucket_notification_configuration(Bucket=name),
    }


def _rule(stack: Stack, name: str) -> Any:
    events = stack.region.client("events")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    return targets and {**events.describe_rule(Name=name), "Targets": targets}


def _role(stack: Stack, name: str) -> Any:
    iam = stack.region.client("iam")
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        **iam.get_role(RoleName=name)["Role"],
        "policies": [iam.get_role_policy(RoleName=name, PolicyName=each) for each in policies],
    }


def _managed_policy(stack: Stack, arn: str) -> Any:
    iam = stack.region.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)


def _trail(stack: Stack, name: str) -> Any:
    trails = stack.region.client("cloudtrail")
    return {
        **trails.describe_trails(trailNameList=[name])["trailList"][0],
        "EventSelectors": trails.get_event_selectors(TrailName=name)["EventSelectors"],
        "IsLogging": trails.get_trail_status(Name=name)["IsLogging"],
    }


def _queue(stack: Stack, url: str) -> Any:
    return stack.region.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])


def _layer_version(stack: Stack, arn: str) -> Any:
    layer, _, version = arn.rpartition(":")
    return stack.region.client("lambda").get_layer_version(
        LayerName=layer.rpartition(":")[2], VersionNumber=int(version)
    )


def _permission(stack: Stack, _: str) -> Any:
    """All of the stack's functions: a permission does not say whose it is."""
    client = stack.region.client("lambda")
    found = []
    for kind, name in stack.resources.values():
        if kind == "AWS::Lambda::Function":
            with contextlib.suppress(client.exceptions.ResourceNotFoundException):
                found.append(json.loads(client.get_policy(FunctionName=name)["Policy"]))
    return found


def _log_group(stack: Stack, name: str) -> Any:
    return stack.region.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]


def _route(stack: Stack, physical_id: str) -> Any:
    table, _, destination = physical_id.partition("~")
    (found,) = stack.region.client("ec2").describe_route_tables(RouteTableIds=[table])[
        "RouteTables"
    ]
    return [each for each in found["Routes"] if each.get("DestinationCidrBlock") == destination]


def _attached_gateway(stack: Stack, vpc: str) -> Any:
    return stack.region.client("ec2").describe_internet_gateways(
        Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}]
    )["InternetGateways"]


def _ec2(what: str, ids: str) -> Callable[[Stack, str], Any]:
    """EC2 describes all its kinds of things in one way."""

    def describe(stack: Stack, physical_id: str) -> Any:
        operation = getattr(stack.region.client("ec2"), f"describe_{what}")
        key = "".join(word.title() for word in what.split("_"))
        return operation(**{ids: [physical_id]})[key]

    return describe


DESCRIBE: dict[str, Callable[[Stack, str], Any]] = {
    "AWS::CloudTrail::Trail": _trail,
    "AWS::CloudWatch::Dashboard": lambda stack, name: stack.region.client(
        "cloudwatch"
    ).get_dashboard(DashboardName=name)["DashboardBody"],
    "AWS::EC2::InternetGateway": _ec2("internet_gateways", "InternetGatewayIds"),
    "AWS::EC2::Route": _route,
    "AWS::EC2::RouteTable": _ec2("route_tables", "RouteTableIds"),
    "AWS::EC2::SecurityGroup": _ec2("security_groups", "GroupIds"),
    "AWS::EC2::Subnet": _ec2("subnets", "SubnetIds"),
    "AWS::EC2::VPC": _ec2("vpcs", "VpcIds"),
    "AWS::EC2::VPCEndpoint": _ec2("vpc_endpoints", "VpcEndpointIds"),
    "AWS::EC2::VPCGatewayAttachment": _attached_gateway,
    "AWS::ECS::Cluster": lambda stack, name: stack.region.client("ecs").describe_clusters(
        clusters=[name]
    )["clusters"],
    "AWS::ECS::TaskDefinition": lambda stack, arn: stack.region.client(
        "ecs"
    ).describe_task_definition(taskDefinition=arn)["taskDefinition"],
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::EventSourceMapping": lambda stack, uuid: stack.region.client(
        "lambda"
    ).get_event_source_mapping(UUID=uuid),
    "AWS::Lambda::Function": lambda stack, name: stack.region.client("lambda").get_function(
        FunctionName=name
    )["Configuration"],
    "AWS::Lambda::LayerVersion": _layer_version,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _s3_bucket,
    "AWS::SQS::Queue": _queue,
}
