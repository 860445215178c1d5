"""The network of the tasks, per choice of Network: what reaches it and what it reaches."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.synthesis import (
    BUCKET,
    EXISTING,
    FARGATE,
    NETWORKS,
    Resolver,
    Stack,
    expanded,
    synthesize,
)

OWN = [name for name in NETWORKS if name != "existing"]
WITH_INTERNET = ["private", "public"]

every_network = in_turn("network", NETWORKS)
every_own_network = in_turn("network", OWN)


def stack_in(network: str) -> Stack:
    return synthesize(FARGATE | NETWORKS[network])


def awsvpc(stack: Stack) -> dict[str, Any]:
    (target,) = stack["UploadRule"]["Targets"]
    return dict(target["EcsParameters"]["NetworkConfiguration"]["AwsVpcConfiguration"])


def routes(stack: Stack, table: str) -> list[dict[str, Any]]:
    every = stack.of_type("AWS::EC2::Route").values()
    return [route for route in every if route["RouteTableId"] == f"<{table}>"]


@every_network
def test_tasks_let_nothing_in_and_only_https_out(network: str) -> None:
    group = stack_in(network)["TaskSecurityGroup"]
    assert "SecurityGroupIngress" not in group
    (out,) = group["SecurityGroupEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)


@every_network
def test_no_rule_is_added_to_a_group_from_outside(network: str) -> None:
    stack = stack_in(network)
    assert not stack.of_type("AWS::EC2::SecurityGroupIngress")
    assert not stack.of_type("AWS::EC2::SecurityGroupEgress")


@every_own_network
def test_tasks_run_in_the_first_two_zones(network: str) -> None:
    stack = stack_in(network)
    assert awsvpc(stack)["Subnets"] == ["<TaskSubnetA>", "<TaskSubnetB>"]
    zones = {stack[name]["AvailabilityZone"] for name in ("TaskSubnetA", "TaskSubnetB")}
    assert len(zones) == 2
    assert awsvpc(stack)["SecurityGroups"] == ["<TaskSecurityGroup>"]
    assert stack["TaskSecurityGroup"]["VpcId"] == "<Vpc>"


def test_tasks_run_in_the_network_that_is_named() -> None:
    stack = stack_in("existing")
    assert awsvpc(stack)["Subnets"] == EXISTING["SubnetIds"].split(",")
    assert stack["TaskSecurityGroup"]["VpcId"] == EXISTING["VpcId"]


@every_network
def test_only_tasks_of_a_public_network_have_public_addresses(network: str) -> None:
    stack = stack_in(network)
    wanted = "ENABLED" if network == "public" else "DISABLED"
    assert awsvpc(stack)["AssignPublicIp"] == wanted
    for subnet in stack.of_type("AWS::EC2::Subnet").values():
        assert "MapPublicIpOnLaunch" not in subnet


@every_own_network
def test_subnets_lie_in_the_network_and_apart(network: str) -> None:
    stack = stack_in(network)
    whole = ipaddress.ip_network(stack["Vpc"]["CidrBlock"])
    subnets = stack.of_type("AWS::EC2::Subnet").values()
    blocks = [ipaddress.ip_network(subnet["CidrBlock"]) for subnet in subnets]
    for number, block in enumerate(blocks):
        assert block.subnet_of(whole)  # type: ignore[arg-type]
        assert not any(block.overlaps(other) for other in blocks[number + 1 :])


@every_own_network
def test_every_subnet_has_its_route_table(network: str) -> None:
    stack = stack_in(network)
    tables = {
        each["SubnetId"]: each["RouteTableId"]
        for each in stack.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    }
    expected = {"<TaskSubnetA>": "<TaskRouteTable>", "<TaskSubnetB>": "<TaskRouteTable>"}
    if network == "private":
        expected["<NatSubnet>"] = "<NatRouteTable>"
    assert tables == expected


def test_isolated_tasks_have_no_route_out() -> None:
    stack = stack_in("isolated")
    assert not stack.of_type("AWS::EC2::Route")
    assert not stack.of_type("AWS::EC2::InternetGateway")


def test_private_tasks_go_out_through_the_nat_gateway() -> None:
    stack = stack_in("private")
    (out,) = routes(stack, "TaskRouteTable")
    assert out["NatGatewayId"] == "<NatGateway>"
    assert "GatewayId" not in out
    (out,) = routes(stack, "NatRouteTable")
    assert out["GatewayId"] == "<InternetGateway>"
    assert stack["NatGateway"]["SubnetId"] == "<NatSubnet>"
    assert stack["NatGateway"]["AllocationId"] == "<NatAddress.AllocationId>"


def test_public_tasks_go_out_through_the_internet_gateway() -> None:
    (out,) = routes(stack_in("public"), "TaskRouteTable")
    assert out["GatewayId"] == "<InternetGateway>"
    assert "NatGatewayId" not in out


@in_turn("network", WITH_INTERNET)
def test_what_needs_the_internet_gateway_waits_until_it_is_attached(network: str) -> None:
    stack = stack_in(network)
    waiting = {
        name for name, route in stack.of_type("AWS::EC2::Route").items() if "GatewayId" in route
    } | stack.of_type("AWS::EC2::EIP").keys()
    assert waiting
    for name in waiting:
        assert "InternetGatewayAttachment" in stack.dependencies[name]


@every_own_network
def test_files_go_through_the_gateway_endpoint(network: str) -> None:
    endpoint = stack_in(network)["S3GatewayEndpoint"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["ServiceName"] == "com.amazonaws.xx-test-9.s3"
    assert endpoint["RouteTableIds"] == ["<TaskRouteTable>"]


def test_isolated_tasks_reach_their_bucket_and_the_layers_of_images_only() -> None:
    policy = stack_in("isolated")["S3GatewayEndpoint"]["PolicyDocument"]
    files, layers = policy["Statement"]
    assert {*files["Action"]} == {
        "s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:PutObject",
        "s3:AbortMultipartUpload", "s3:DeleteObject",
    }  # fmt: skip
    assert files["Resource"] == [f"arn:aws-test:s3:::{BUCKET}", f"arn:aws-test:s3:::{BUCKET}/*"]
    assert files["Condition"] == {"ArnEquals": {"aws:PrincipalArn": "<TaskRole.Arn>"}}
    assert layers["Action"] == "s3:GetObject"
    bucket = "prod-xx-test-9-starport-layer-bucket"
    assert layers["Resource"] == f"arn:aws-test:s3:::{bucket}/*"


@in_turn("network", WITH_INTERNET)
def test_where_there_is_another_way_out_the_endpoint_keeps_nothing_back(network: str) -> None:
    """In words: taken away, the policy of an isolated network would stay (test_taken_away.py)."""
    (statement,) = stack_in(network)["S3GatewayEndpoint"]["PolicyDocument"]["Statement"]
    everything = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    assert statement == {"Sid": "Everything", **everything}


def interface_endpoints(stack: Stack) -> dict[str, dict[str, Any]]:
    return {
        endpoint["ServiceName"].partition("xx-test-9.")[2]: endpoint
        for endpoint in stack.of_type("AWS::EC2::VPCEndpoint").values()
        if endpoint["VpcEndpointType"] == "Interface"
    }


def test_isolated_tasks_reach_what_fargate_needs() -> None:
    assert interface_endpoints(stack_in("isolated")).keys() == {"ecr.api", "ecr.dkr", "logs"}


@in_turn("network", [name for name in NETWORKS if name != "isolated"])
def test_other_networks_pay_for_no_endpoint(network: str) -> None:
    assert not interface_endpoints(stack_in(network))


def test_endpoints_have_the_services_own_names_in_both_zones() -> None:
    for endpoint in interface_endpoints(stack_in("isolated")).values():
        assert endpoint["PrivateDnsEnabled"] is True
        assert endpoint["SubnetIds"] == ["<TaskSubnetA>", "<TaskSubnetB>"]
        assert endpoint["SecurityGroupIds"] == ["<EndpointSecurityGroup>"]


@every_own_network
def test_the_network_resolves_names(network: str) -> None:
    vpc = stack_in(network)["Vpc"]
    assert (vpc["EnableDnsSupport"], vpc["EnableDnsHostnames"]) == (True, True)


def test_endpoints_let_in_the_tasks_and_nothing_out() -> None:
    group = stack_in("isolated")["EndpointSecurityGroup"]
    (into,) = group["SecurityGroupIngress"]
    assert (into["IpProtocol"], into["FromPort"], into["ToPort"]) == ("tcp", 443, 443)
    assert into["SourceSecurityGroupId"] == "<TaskSecurityGroup>"
    assert "CidrIp" not in into
    (out,) = group["SecurityGroupEgress"]
    assert out["CidrIp"] == "127.0.0.1/32"


def test_endpoints_serve_the_execution_role_and_only_what_it_may_do() -> None:
    stack = stack_in("isolated")
    (policy,) = stack["ExecutionRole"]["Policies"]
    may: set[str] = set()
    for statement in policy["PolicyDocument"]["Statement"]:
        action = statement["Action"]
        may |= set(action) if isinstance(action, list) else {action}
    for endpoint in interface_endpoints(stack).values():
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"AWS": "<ExecutionRole.Arn>"}
        assert {*statement["Action"]} <= may


@pytest.mark.parametrize(
    ("partition", "prefix"),
    [("aws", "com.amazonaws"), ("aws-us-gov", "com.amazonaws"), ("aws-cn", "cn.com.amazonaws")],
)
def test_endpoints_of_ecr_have_the_name_of_their_partition(partition: str, prefix: str) -> None:
    template = expanded()
    defaults = {name: str(each["Default"]) for name, each in template["Parameters"].items()}
    resolver = Resolver(template, {**defaults, **FARGATE})
    resolver.values["AWS::Partition"] = partition
    endpoint = resolver.resolve(template["Resources"]["EcrApiEndpoint"]["Properties"])
    assert endpoint["ServiceName"] == f"{prefix}.xx-test-9.ecr.api"
