"""What each choice of parameters makes, and what it does not."""

from __future__ import annotations

import graphlib

from tests.support.cases import in_turn
from tests.template.synthesis import (
    BRINGS,
    CHOICES,
    CLOUDTRAIL,
    FARGATE,
    HYBRID,
    NETWORKS,
    PSEUDO,
    refusals,
    synthesize,
)

every_choice = in_turn("choice", CHOICES.values())

ALWAYS = {
    "DataBucket", "DataBucketPolicy", "JobPolicy", "JobLogGroup", "FailureQueue",
    "FailureQueuePolicy", "ProcessingLayer",
}  # fmt: skip
FAILURES = {
    "RawFailureQueue", "RawFailureQueuePolicy", "FailureFunction", "FailureFunctionRole",
    "FailureFunctionRawFailures",
}  # fmt: skip
SCHEDULE = {
    "SweepRule", "SweepPermission", "OldestWithoutResultAlarm", "SweepFailsAlarm", "CantStartAlarm",
}  # fmt: skip
SWEEP = {"SweepFunction", "SweepFunctionRole", "SweepFunctionEventInvokeConfig"} | SCHEDULE
METRICS = {
    "JobsMetric", "JobTimeMetric", "UploadSizeMetric", "TimeToResultMetric", "FailuresMetric",
    "GaveUpMetric", "OldestWithoutResultMetric", "NotStartedMetric", "CantStartMetric",
}  # fmt: skip
ALARMS = {
    "UploadsFailAlarm", "FailureQueueAlarm", "FailuresUnreportedAlarm", "OldestWithoutResultAlarm",
    "GaveUpAlarm", "NotStartedAlarm", "SweepFailsAlarm",
}  # fmt: skip
ALWAYS |= FAILURES | SWEEP | METRICS | ALARMS | {"Dashboard"}
LAMBDA = {
    "ProcessPermission", "ProcessFunction", "ProcessFunctionRole",
    "ProcessFunctionEventInvokeConfig", "FunctionThrottledAlarm",
}  # fmt: skip
TASKS = {
    "Cluster", "TaskDefinition", "TaskRole", "ExecutionRole", "UploadRule", "UploadRuleRole",
    "TaskFailureRule", "TaskSecurityGroup", "LaunchesThrottledAlarm", "UploadEventsLostAlarm",
    "TaskFailuresLostAlarm", "EcsServiceRole",
}  # fmt: skip
RESOURCES = {"ResourcesFunction", "ResourcesFunctionRole", "ResourcesLogGroup"}
TASKS |= RESOURCES
TRAIL = {"Trail", "TrailBucket", "TrailBucketPolicy"}
VPC = {
    "Vpc", "TaskSubnetA", "TaskSubnetB", "TaskRouteTable", "TaskSubnetARoutes",
    "TaskSubnetBRoutes", "S3GatewayEndpoint",
}  # fmt: skip
INTERNET = {"InternetGateway", "InternetGatewayAttachment", "TaskInternetRoute"}
NETWORK_RESOURCES = {
    "isolated": VPC
    | {"EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint", "EndpointSecurityGroup"},
    "private": VPC
    | INTERNET
    | {"NatSubnet", "NatRouteTable", "NatSubnetRoutes", "NatInternetRoute", "NatAddress",
       "NatGateway"},
    "public": VPC | INTERNET,
    "existing": set(),
}  # fmt: skip


def made(choice: dict[str, str]) -> set[str]:
    """Logical ids; SAM ends a layer's with a hash."""
    names = synthesize(choice).resources
    return {"ProcessingLayer" if name.startswith("ProcessingLayer") else name for name in names}


def test_lambda_makes_no_task_no_rule_and_no_network() -> None:
    assert made({}) == ALWAYS | LAMBDA


@in_turn("network", NETWORKS)
def test_fargate_makes_no_function_for_jobs_and_its_network(network: str) -> None:
    assert made(FARGATE | NETWORKS[network]) == ALWAYS | TASKS | NETWORK_RESOURCES[network]


def test_a_bucket_that_somebody_brings_is_looked_at_and_heard_of_by_a_rule() -> None:
    """The stack's own stays: it has the notes, and whoever goes back makes no bucket twice."""
    by_rule = {"SmallUploadRule", "SmallUploadPermission", "SmallUploadEventsLostAlarm"}
    assert made(BRINGS) - made({}) == {"NamedBucket", *RESOURCES, *by_rule}
    assert made({}) - made(BRINGS) == {"ProcessPermission"}
    for choice in (FARGATE, CLOUDTRAIL, HYBRID):
        assert made(choice | BRINGS) - made(choice) == {"NamedBucket"}
        assert made(choice) <= made(choice | BRINGS)


def test_a_bucket_that_cant_be_used_fails_before_anything_waits() -> None:
    """It depends on the function that looks, and on what that one needs."""
    stack = synthesize(BRINGS)
    assert stack.dependencies["NamedBucket"] == {"ResourcesFunction", "ResourcesFunctionRole"}
    for name in ("ResourcesFunction", "ResourcesFunctionRole"):
        assert stack.dependencies[name] <= RESOURCES


def test_without_a_schedule_the_sweep_is_there_for_hands() -> None:
    assert made({}) - made({"SweepSchedule": ""}) == SCHEDULE


@in_turn("network", NETWORKS)
def test_cloudtrail_adds_a_trail_and_its_bucket(network: str) -> None:
    assert made(CLOUDTRAIL | NETWORKS[network]) - made(FARGATE | NETWORKS[network]) == TRAIL


@in_turn("choice", [{}, FARGATE, CLOUDTRAIL])
def test_a_result_topic_adds_itself_and_its_rules_in_every_mode(choice: dict[str, str]) -> None:
    assert made({**choice, "ResultTopic": "true"}) - made(choice) == {
        "ResultMessages", "ResultMessagesPolicy", "OutputRule", "RejectionRule",
        "OutputMessagesLostAlarm", "RejectionMessagesLostAlarm",
    }  # fmt: skip


def test_a_network_is_made_for_tasks_only() -> None:
    """Network may stay as it was when a stack goes back to Lambda."""
    for companions in NETWORKS.values():
        assert made(companions) == made({})


@every_choice
def test_every_choice_is_accepted(choice: dict[str, str]) -> None:
    assert refusals(choice) == []


@every_choice
def test_no_resource_depends_on_itself(choice: dict[str, str]) -> None:
    """Directly or through others; Metadata counts, because CloudFormation counts it."""
    graphlib.TopologicalSorter(synthesize(choice).dependencies).prepare()


@every_choice
def test_the_bucket_comes_after_all_that_an_upload_needs(choice: dict[str, str]) -> None:
    """Else uploads made while the stack is being made or changed would find half a pipeline."""
    stack = synthesize(choice)

    def before(name: str) -> set[str]:
        direct = stack.dependencies[name]
        return direct.union(*map(before, direct))

    needed = {
        "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::Lambda::Function",
        "AWS::Lambda::Permission", "AWS::ECS::TaskDefinition", "AWS::EC2::VPCEndpoint",
        "AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation",
    }  # fmt: skip
    expected = {name for name, each in stack.resources.items() if each["Type"] in needed}
    expected -= RESOURCES  # an upload needs what they make
    expected -= FAILURES | SWEEP  # what fails meanwhile waits in a queue, or is found by a sweep
    expected |= {"UploadRule", "OutputRule", "RejectionRule"} & stack.resources.keys()
    assert expected <= before("DataBucket")


@every_choice
def test_outputs_exist_for_all_that_the_choice_makes(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    always = {
        "Mode", "BucketName", "UploadCommand", "OutputsCommand", "LogsCommand", "LogGroupName",
        "SweepFunctionName", "FailureQueueUrl", "DashboardName",
    }  # fmt: skip
    if stack.parameters["ResultTopic"] == "true":
        always.add("ResultTopicArn")
    if stack.parameters["BucketName"]:
        always |= {"BucketVersioning", "OutputsClaim", "FilesClaim", "RejectionsClaim"}
    if stack.parameters["Mode"] == "lambda":
        assert stack.outputs.keys() == always
        return
    tasks = {"ClusterArn", "RuleName"}
    if stack.parameters["MaxTasks"] != "0":
        tasks.add("LaunchQueueUrl")
    trail = {"TrailBucketName"}
    is_cloudtrail = stack.parameters["EventSource"] == "cloudtrail"
    assert stack.outputs.keys() == always | tasks | (trail if is_cloudtrail else set())


@every_choice
def test_names_fit_the_longest_stack_name(choice: dict[str, str]) -> None:
    """A stack's name has at most 128 characters, a bucket's 63, a rule's 64, a trail's 128."""
    stack = synthesize(choice)
    bucket = stack["DataBucket"]["BucketName"]
    assert len(bucket) <= 63
    assert bucket == bucket.lower()
    assert PSEUDO["AWS::StackName"] not in bucket
    for rule in stack.of_type("AWS::Events::Rule").values():
        assert len(rule.get("Name", "")) <= 64
    if "Trail" in stack.resources:
        assert stack["Trail"]["TrailName"] == "<DataBucket>"
