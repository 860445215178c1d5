"""ARNs of the resources that the stack has, by type of CloudFormation."""

from __future__ import annotations

FORMATS = {
    "AWS::CodeBuild::Project": "arn:{partition}:codebuild:{region}:{account}:project/{name}",
    "AWS::ECR::Repository": "arn:{partition}:ecr:{region}:{account}:repository/{name}",
    "AWS::ECS::Cluster": "arn:{partition}:ecs:{region}:{account}:cluster/{name}",
    "AWS::ECS::Task": "arn:{partition}:ecs:{region}:{account}:task/{name}",
    "AWS::ECS::TaskDefinition": "arn:{partition}:ecs:{region}:{account}:task-definition/{name}",
    "AWS::Events::Rule": "arn:{partition}:events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "arn:{partition}:lambda:{region}:{account}:layer:{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::SNS::Topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{name}",
}

OTHERS = {
    "OtherBucket": ("AWS::S3::Bucket", "somebody-elses"),
    "OtherCluster": ("AWS::ECS::Cluster", "somebody-elses"),
    "OtherFunction": ("AWS::Lambda::Function", "somebody-elses"),
    "OtherLayer": ("AWS::Lambda::LayerVersion", "somebody-elses:1"),
    "OtherLogGroup": ("AWS::Logs::LogGroup", "somebody-elses"),
    "OtherProject": ("AWS::CodeBuild::Project", "somebody-elses"),
    "OtherQueue": ("AWS::SQS::Queue", "somebody-elses"),
    "OtherRepository": ("AWS::ECR::Repository", "somebody-elses"),
    "OtherRole": ("AWS::IAM::Role", "somebody-elses"),
    "OtherRule": ("AWS::Events::Rule", "somebody-elses"),
    "OtherTask": ("AWS::ECS::Task", "somebody-elses/0"),
    "OtherTaskDefinition": ("AWS::ECS::TaskDefinition", "somebody-elses:1"),
}
"""What belongs to others in the same account, by a name for it: its type and its own name."""


def task_in(cluster: str) -> str:
    """The ARN of a task in the cluster with this ARN, for a table of calls."""
    return cluster.replace(":cluster/", ":task/") + "/0"


def arn(kind: str, name: str, *, partition: str, region: str, account: str) -> str:
    """The ARN of a resource. A log group's has no `:*` at its end."""
    return FORMATS[kind].format(partition=partition, region=region, account=account, name=name)
