"""Where a stack's tasks run."""

from typing import Any

from local.pipeline import Pipeline


def task_network(pipeline: Pipeline) -> dict[str, Any]:
    """Subnets and security group, as RunTask takes them."""
    aws, stack = pipeline.aws, pipeline.stack
    (found,) = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    chosen = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    own = ("TaskSubnetA", "TaskSubnetB")
    return {
        "subnets": list(filter(None, chosen["SubnetIds"].split(",")))
        or [aws.resource(stack, name) for name in own],
        "securityGroups": [aws.resource(stack, "TaskSecurityGroup")],
    }
