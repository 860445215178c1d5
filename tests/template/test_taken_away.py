"""What a change of parameters takes away is gone on AWS, too.

CloudFormation does not promise that: a property that is taken away may keep the value that it had
(https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2527). So each that
can vanish is here, with the reason why its value goes with it. What has none gets a value that says
"none" in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.template.synthesis import expanded

API = "https://docs.aws.amazon.com"
OTHERS = "https://github.com/go-to-k/cdkd/pull"
NO_VALUE = {"Ref": "AWS::NoValue"}

Path = tuple[str, ...]

GOES = {
    "AWS::CloudTrail::Trail KMSKeyId": f"measured on AWS: {OTHERS}/1584",
    "AWS::EC2::Route GatewayId": f"the other one replaces it: {API}/AWSEC2/latest/"
    "APIReference/API_ReplaceRoute.html",
    "AWS::EC2::Route NatGatewayId": "the same",
    "AWS::IAM::Role PermissionsBoundary": "by iam:DeleteRolePermissionsBoundary:"
    " https://github.com/data-dot-all/dataall/pull/1928",
    "AWS::ECS::TaskDefinition EphemeralStorage": "each registration is a whole new revision",
    "AWS::Lambda::Function KmsKeyArn": "assumed (docs/REAL-ACCOUNT.md); if not, the former key in"
    f" OtherKeyArns is what helps. Others reset it: {OTHERS}/1157",
    "AWS::Logs::LogGroup KmsKeyId": "by logs:DisassociateKmsKey, says its UpdateHandler:"
    " https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-logs",
    "AWS::SNS::Topic KmsMasterKeyId": "assumed (docs/REAL-ACCOUNT.md); if not, the topic needs the"
    " former key, and the failure queue says so",
    "AWS::SQS::Queue KmsMasterKeyId": f"reset: {OTHERS}/850; if not, SQS would refuse the"
    f" SqsManagedSseEnabled beside it and the deployment fail: {OTHERS}/1240",
}
"""Properties that vanish, and what makes their values go."""

WHOLE = {
    "AWS::CloudWatch::Alarm AlarmActions": f"PutMetricAlarm overwrites the alarm: {API}/"
    "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    "AWS::CloudWatch::Alarm OKActions": "the same",
    "AWS::EC2::VPCEndpoint PolicyDocument": f"the call takes a whole document: {API}/AWSEC2/"
    "latest/APIReference/API_ModifyVpcEndpoint.html",
    "AWS::ECR::Repository EncryptionConfiguration": "another one is another repository",
    "AWS::Events::Rule Targets": f"PutTargets overwrites a target: {API}/"
    "eventbridge/latest/APIReference/API_PutTargets.html",
    "AWS::IAM::ManagedPolicy PolicyDocument": "a policy's version is a whole document",
    "AWS::IAM::Role ManagedPolicyArns": "each policy is attached and detached by itself",
    "AWS::IAM::Role Policies": "PutRolePolicy writes a whole document",
    "AWS::Lambda::Function Environment": f"UpdateFunctionConfiguration replaces the map: {API}"
    "/lambda/latest/api/API_Environment.html",
    "AWS::S3::Bucket BucketEncryption": f"PutBucketEncryption writes all rules: {API}/"
    "AmazonS3/latest/API/API_PutBucketEncryption.html",
    "AWS::S3::Bucket NotificationConfiguration": f"the call replaces all: {API}/"
    "AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html",
    "AWS::SQS::QueuePolicy PolicyDocument": "SetQueueAttributes writes a whole document",
}
"""Properties of which a part vanishes, but which are written whole."""


def vanishing(node: Any, path: Path = ()) -> Iterator[Path]:
    """Where AWS::NoValue may stand; `[]` for an element of a list."""
    if isinstance(node, list):
        for each in node:
            yield from vanishing(each, (*path, "[]"))
    elif isinstance(node, dict) and "Fn::If" in node:
        for branch in node["Fn::If"][1:]:
            if branch == NO_VALUE:
                yield path
            else:
                yield from vanishing(branch, path)
    elif isinstance(node, dict):
        for name, each in node.items():
            yield from vanishing(each, (*path, name))


def test_each_property_that_can_vanish_has_a_reason_why_its_value_goes() -> None:
    found = {
        (f"{resource['Type']} {path[0]}", len(path) > 1)
        for resource in expanded()["Resources"].values()
        for path in vanishing(resource.get("Properties", {}))
    }
    assert {name for name, in_part in found if not in_part} == GOES.keys()
    assert {name for name, in_part in found if in_part} == WHOLE.keys()


def test_a_property_that_vanishes_is_found_wherever_it_is() -> None:
    """The search itself, because an empty one would find nothing wrong."""
    nested = {"Fn::If": ["A", {"Fn::If": ["B", [1, {"Fn::If": ["C", 1, NO_VALUE]}], NO_VALUE]}, 2]}
    assert {*vanishing({"P": {"Q": nested}, "R": 1})} == {("P", "Q"), ("P", "Q", "[]")}
