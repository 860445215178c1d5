"""moto's server, with what our template needs of CloudFormation and moto lacks.

They are ours: that they work here does not prove that they do on AWS. Runs in moto's environment.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

import yaml
from moto.awslambda.models import LayerVersion
from moto.cloudformation import parsing
from moto.cloudformation.custom_model import CustomModel
from moto.cloudtrail.models import Trail, cloudtrail_backends
from moto.core.common_models import CloudFormationModel
from moto.events.models import Rule
from moto.server import main


class TrailOfStack(CloudFormationModel):
    """`AWS::CloudTrail::Trail`: moto has trails, but makes none for a stack."""

    __module__ = Trail.__module__  # from which moto reads the service

    def __init__(self, trail: Trail) -> None:
        self.arn = trail.arn
        self.physical_resource_id = trail.trail_name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "TrailName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudTrail::Trail"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        assert attribute_name == "Arn"
        return self.arn

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> TrailOfStack:
        properties = cloudformation_json["Properties"]
        trails = cloudtrail_backends[account_id][region_name]
        trail = trails.create_trail(
            name=resource_name,
            bucket_name=properties["S3BucketName"],
            s3_key_prefix="",
            sns_topic_name="",
            is_global=properties["IncludeGlobalServiceEvents"],
            is_multi_region=properties["IsMultiRegionTrail"],
            log_validation=properties["EnableLogFileValidation"],
            is_org_trail=False,
            cw_log_group_arn="",
            cw_role_arn="",
            kms_key_id="",
            tags_list=[],
        )
        trails.put_event_selectors(resource_name, properties["EventSelectors"], [])
        if properties["IsLogging"]:
            trails.start_logging(resource_name)
        return cls(trail)


# It reads the template a dozen times; libyaml takes a seventh of the time of PyYAML's own.
yaml.Loader = yaml.CLoader

# A reference to a layer version is its ARN; moto's would be the text of a Python object.
LayerVersion.physical_resource_id = LayerVersion.arn

_make_rule = Rule.create_from_cloudformation_json


def _rule_of_stack(resource_name: str, cloudformation_json: Any, *rest: Any, **named: Any) -> Rule:
    """`AWS::Events::Rule`: moto takes an object as the pattern; CloudFormation its text, too."""
    properties = cloudformation_json["Properties"]
    if isinstance(properties.get("EventPattern"), str):
        properties["EventPattern"] = json.loads(properties["EventPattern"])
    return _make_rule(resource_name, cloudformation_json, *rest, **named)


Rule.create_from_cloudformation_json = staticmethod(_rule_of_stack)


def _made_by_nobody(
    resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **named: Any
) -> CustomModel:
    """`Custom::...`: moto runs the function in a container of AWS's, and waits for it for ever."""
    made = CustomModel(region_name, "", named["LogicalId"], resource_name)
    made.set_data({})
    return made


CustomModel.create_from_cloudformation_json = staticmethod(_made_by_nobody)

_clean_json = parsing.clean_json


def _with_text_keys(resource_json: Any, resources_map: Any) -> Any:
    """`Fn::FindInMap`: in CloudFormation a parameter of type Number is a text where it is used."""
    if isinstance(resource_json, dict) and "Fn::FindInMap" in resource_json:
        name, *keys = resource_json["Fn::FindInMap"]
        keys = [str(_with_text_keys(key, resources_map)) for key in keys]
        resource_json = {"Fn::FindInMap": [name, *keys]}
    cleaned = _clean_json(resource_json, resources_map)
    # `AWS::NoValue` in a list is no element of it.
    return [e for e in cleaned if e is not None] if isinstance(cleaned, list) else cleaned


parsing.clean_json = _with_text_keys

_parse_condition = parsing.parse_condition


def _with_text_operands(condition: Any, resources_map: Any, condition_map: Any) -> bool:
    """`Fn::Equals`: the same, where a parameter of type Number is compared."""
    if isinstance(condition, dict) and "Fn::Equals" in condition:
        operands = [_with_text_keys(each, resources_map) for each in condition["Fn::Equals"]]
        condition = {"Fn::Equals": [str(each) for each in operands]}
    return bool(_parse_condition(condition, resources_map, condition_map))


parsing.parse_condition = _with_text_operands


def end_with_the_tests() -> None:
    """Standard input ends when the process at its other end does, however that ends."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_tests, daemon=True).start()
    main()
