"""Ways out, ways in, and who sees what passes."""

from __future__ import annotations

from tests.template.control import ENDPOINT, Break, Holds
from tests.template.statements import listed
from tests.template.synthesis import Stack


def flow_logs(stack: Stack, name: str) -> bool:
    logs = stack.of_type("AWS::EC2::FlowLog").values()
    return any(each["ResourceId"] == f"<{name}>" for each in logs)


def endpoint_to(service: str) -> Holds:
    def holds(stack: Stack, name: str) -> bool:
        return any(
            each["ServiceName"].endswith(f".{service}") and each["VpcId"] == f"<{name}>"
            for each in stack.of_type(ENDPOINT).values()
        )

    return holds


def no_endpoint_to(service: str) -> Break:
    def change(stack: Stack, name: str) -> None:
        for logical_id, each in stack.of_type(ENDPOINT).items():
            if each["ServiceName"].endswith(f".{service}"):
                del stack.resources[logical_id]

    return change


def is_the_only_way_out(stack: Stack, _: str) -> bool:
    return stack.parameters["Network"] == "isolated"


def limited_endpoint(stack: Stack, name: str) -> bool:
    """A policy, and not AWS's own, which has `*`."""
    statements = stack[name].get("PolicyDocument", {}).get("Statement", [])
    actions = [action for each in statements for action in listed(each["Action"])]
    return bool(actions) and not any("*" in action for action in actions)


def is_an_interface(stack: Stack, name: str) -> bool:
    return bool(stack[name]["VpcEndpointType"] == "Interface")


def private_names(stack: Stack, name: str) -> bool:
    endpoint = stack[name]
    return endpoint.get("PrivateDnsEnabled") is True and bool(endpoint["SecurityGroupIds"])


def lets_in_groups_only(stack: Stack, name: str) -> bool:
    """Nobody by address, and tasks nobody at all."""
    ingress = stack[name].get("SecurityGroupIngress", [])
    by_group = all(
        "SourceSecurityGroupId" in rule and not any("Cidr" in key for key in rule)
        for rule in ingress
    )
    return by_group and (name != "TaskSecurityGroup" or not ingress)


def lets_out_what_is_said(stack: Stack, name: str) -> bool:
    """HTTPS or nothing. With no rule at all, EC2 makes one that lets everything out."""
    egress = stack[name].get("SecurityGroupEgress", [])
    return bool(egress) and all(
        (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort")) == ("tcp", 443, 443)
        or rule.get("CidrIp") == "127.0.0.1/32"
        for rule in egress
    )


ANYONE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
ANYWHERE = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
