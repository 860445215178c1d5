"""AWS::EC2::EIP and AWS::EC2::NatGateway: ministack has their calls, but not as resources.

So a stack with Network=private can be deployed. Nothing is ever routed through the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from .links import Link, PatchPoint

Properties = Mapping[str, object]
Reply = tuple[int, object, bytes]


def apply() -> None:
    """Teach CloudFormation both resources. None of their properties can change in place here."""
    provisioners._RESOURCE_HANDLERS["AWS::EC2::EIP"] = {
        "create": _create_address,
        "delete": _delete_address,
    }
    provisioners._RESOURCE_HANDLERS["AWS::EC2::NatGateway"] = {
        "create": _create_gateway,
        "delete": _delete_gateway,
    }


def _create_address(
    logical_id: str, properties: Properties, stack: str
) -> tuple[str, dict[str, str]]:
    reply = _done(ec2._allocate_address({"Domain": [properties.get("Domain", "vpc")]}))
    allocation, address = _field(reply, "allocationId"), _field(reply, "publicIp")
    provisioners._ec2_apply_tags(allocation, properties)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _delete_address(address: str, properties: Properties) -> None:
    for allocation, record in tuple(ec2._addresses.items()):
        if record["PublicIp"] == address:
            _done(ec2._release_address({"AllocationId": [allocation]}))


def _create_gateway(
    logical_id: str, properties: Properties, stack: str
) -> tuple[str, dict[str, str]]:
    request = {name: [properties[name]] for name in ("SubnetId", "AllocationId")}
    gateway = _field(_done(ec2._create_nat_gateway(request)), "natGatewayId")
    provisioners._ec2_apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _delete_gateway(gateway: str, properties: Properties) -> None:
    _done(ec2._delete_nat_gateway({"NatGatewayId": [gateway]}))


def _done(reply: Reply) -> str:
    """The reply's text. Raises ValueError, which CloudFormation reports as the reason."""
    status, _, body = reply
    if status >= 400:
        raise ValueError(body.decode())
    return body.decode()


def _field(reply: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]+)</{name}>", reply)
    assert found, reply
    return found[1]


LINK = Link(
    what="AWS::EC2::EIP and AWS::EC2::NatGateway",
    patch_points=(
        PatchPoint(ec2, "_allocate_address", ("p",)),
        PatchPoint(ec2, "_release_address", ("p",)),
        PatchPoint(ec2, "_addresses"),
        PatchPoint(ec2, "_create_nat_gateway", ("params",)),
        PatchPoint(ec2, "_delete_nat_gateway", ("params",)),
        PatchPoint(provisioners, "_ec2_apply_tags", ("physical_id", "props")),
        PatchPoint(provisioners, "_RESOURCE_HANDLERS"),
    ),
    apply=apply,
)
