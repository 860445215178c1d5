"""The security baseline: for each type of resource, what must hold, and ways to break it.

What AWS Foundational Security Best Practices (the names in `asked_by` that have a dot), cdk-nag's
AWS Solutions (those that begin with AwsSolutions) and checkov (CKV) ask of these types, and what
none of them looks at. Every way to break a control must be noticed: the tests try each of them.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import cfnlint.data.AdditionalSpecs

from tests.support.attempts.attempt import ADMINISTRATOR, Attempt
from tests.template.policies import Account
from tests.template.synthesis import Stack

BUCKET, QUEUE, TOPIC = "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"
FUNCTION, PERMISSION = "AWS::Lambda::Function", "AWS::Lambda::Permission"
TASK, RULE, TRAIL = "AWS::ECS::TaskDefinition", "AWS::Events::Rule", "AWS::CloudTrail::Trail"
ENDPOINT, GROUP, SUBNET = "AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet"
REPOSITORY, BUILD = "AWS::ECR::Repository", "AWS::CodeBuild::Project"
LOGS, ROLE = "AWS::Logs::LogGroup", "AWS::IAM::Role"
CLUSTER, VPC = "AWS::ECS::Cluster", "AWS::EC2::VPC"

NOTHING_TO_ASK = {
    "AWS::CloudFormation::CustomResource", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
    "AWS::EC2::EIP", "AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route",
    "AWS::EC2::RouteTable", "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment", "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping", "AWS::Lambda::LayerVersion", "AWS::Logs::MetricFilter",
    "Custom::ServiceLinkedRole", "Custom::WorkerImage",
    # Judged with what they belong to, by the table of attempts.
    "AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}  # fmt: skip
"""Types that have no control. Any other type needs one before it may be in the template."""

MISSING = object()
SECRET = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|API_?KEY|ACCESS_KEY|ENGINE_AUTH")

Holds = Callable[[Stack, str], bool]
Break = Callable[[Stack, str], None]


@dataclass(frozen=True)
class Control:
    """Something that must hold for each resource of a type."""

    name: str
    kind: str
    asked_by: str
    holds: Holds
    breaks: Mapping[str, Break]
    """Ways to break it, by name."""
    applies: Holds = lambda _, __: True
    """To which resources of the type."""
    reason: str = ""
    """The id of the suppression that will do instead, beside the resource."""


# ---- Ways to look at a resource, and to change it ------------------------------------------------


def at(properties: Any, path: str) -> Iterator[Any]:
    """What is at a path like `Rules.*.Id`, where `*` is each one of a list."""
    first, _, rest = path.partition(".")
    if first == "*":
        assert isinstance(properties, list), path
        for each in properties:
            yield from at(each, rest) if rest else [each]
        return
    found = properties.get(first, MISSING) if isinstance(properties, dict) else MISSING
    if found is MISSING or not rest:
        yield found
    else:
        yield from at(found, rest)


def put(path: str, value: Any) -> Break:
    """Set what is at a path, or with MISSING take it away."""

    def change(stack: Stack, name: str) -> None:
        parent, _, last = path.rpartition(".")
        holders = [stack[name]] if not parent else [*at(stack[name], parent)]
        for holder in holders:
            if value is MISSING:
                holder.pop(last, None)
            else:
                holder[last] = value

    return change


def value(
    name: str, kind: str, asked_by: str, path: str, good: Callable[[Any], bool], *bad: Any
) -> Control:
    """All that is at the path is good."""

    def holds(stack: Stack, resource: str) -> bool:
        found = [*at(stack[resource], path)]
        return bool(found) and all(good(each) for each in found)

    return Control(name, kind, asked_by, holds, {
        "gone" if each is MISSING else f"{path.rpartition('.')[2]}={each}": put(path, each)
        for each in bad
    })  # fmt: skip


def is_(expected: Any) -> Callable[[Any], bool]:
    return lambda found: found == expected


TOOLS = ("checkov", "baseline")
"""Whose suppressions the template has: checkov reads its own, and only these tests the others."""


def reason(stack: Stack, name: str, check: str) -> str:
    """Why nobody need ask, as the template has it beside the resource."""
    metadata = stack.resources[name].get("Metadata", {})
    skips = [skip for tool in TOOLS for skip in metadata.get(tool, {}).get("skip", [])]
    return next((skip["comment"] for skip in skips if skip["id"] == check), "")


def no_reason(check: str) -> Break:
    def change(stack: Stack, name: str) -> None:
        metadata = stack.resources[name].get("Metadata", {})
        for said in (metadata[tool] for tool in TOOLS if tool in metadata):
            said["skip"] = [skip for skip in said["skip"] if skip["id"] != check]

    return change


def nothing(stack: Stack, name: str) -> None:
    """Leave a resource as it is."""


def or_reason(
    name: str, kind: str, asked_by: str, check: str, holds: Holds, without: Break = nothing
) -> Control:
    """It holds, or the template says why not: a suppression of that id, with its reason."""

    def holds_or_reason(stack: Stack, resource: str) -> bool:
        return holds(stack, resource) or bool(reason(stack, resource, check))

    breaks = {"neither": both(without, no_reason(check))}
    return Control(f"{name}, or a reason", kind, asked_by, holds_or_reason, breaks, reason=check)


def both(*breaks: Break) -> Break:
    def change(stack: Stack, name: str) -> None:
        for each in breaks:
            each(stack, name)

    return change


# ---- Policies ------------------------------------------------------------------------------------


def without_statement(sid: str) -> Break:
    """Take a statement out of the policies of a resource."""

    def change(stack: Stack, name: str) -> None:
        for resource in stack.resources.values():
            document = resource.get("Properties", {}).get("PolicyDocument", {})
            if any(f"<{name}" in json.dumps(each) for each in document.get("Statement", [])):
                document["Statement"] = [
                    each for each in document["Statement"] if each.get("Sid") != sid
                ]

    return change


def statement(sid: str, **change: str) -> Break:
    """Change a statement in the policy of a resource."""

    def broken(stack: Stack, name: str) -> None:
        for resource in stack.resources.values():
            document = resource.get("Properties", {}).get("PolicyDocument", {})
            for each in document.get("Statement", []):
                if each.get("Sid") == sid and f"<{name}" in json.dumps(each):
                    each |= {key: value.format(name=name) for key, value in change.items()}

    return broken


ALARM = {"aws:SourceArn": "arn:aws-test:cloudwatch:xx-test-9:111122223333:alarm:mazes-Alarm-1"}


def tls_only(
    kind: str, asked_by: str, *calls: tuple[str, str], given: Mapping[str, str] | None = None
) -> Control:
    """Whoever comes without TLS is refused, whatever else they may.

    Tried are these calls: an action, and what follows the resource's ARN.
    """

    def holds(stack: Stack, name: str) -> bool:
        account = Account(stack)

        def allows(action: str, below: str, tls: str) -> bool:
            keys = {**(given or {}), "aws:SecureTransport": tls}
            on = f"{{{name}}}{below}"
            return account.allows(Attempt(ADMINISTRATOR, action, on, tls == "true", given=keys))

        return all(allows(*call, "true") and not allows(*call, "false") for call in calls)

    breaks = {
        "no statement": without_statement("TlsOnly"),
        "for another action": statement("TlsOnly", Action="none:None"),
        **{
            f"for {action} only": statement("TlsOnly", Action=action)
            for action, _ in calls
            if len(calls) > 1
        },
        "for what lies below only": statement("TlsOnly", Resource="<{name}.Arn>/*"),
    }
    return Control("TLS only", kind, asked_by, holds, breaks)


def nobody_else_publishes(stack: Stack, name: str) -> bool:
    return not Account(stack).allows(Attempt(ADMINISTRATOR, "sns:Publish", f"{{{name}}}", False))


def nobody_else_sends(stack: Stack, name: str) -> bool:
    attempt = Attempt(ADMINISTRATOR, "sqs:SendMessage", f"{{{name}}}", False)
    return not Account(stack).allows(attempt)


# ---- Controls of one type ------------------------------------------------------------------------


def versioned(stack: Stack, name: str) -> bool:
    return bool(stack[name].get("VersioningConfiguration") == {"Status": "Enabled"})


def has(path: str) -> Holds:
    """Something is at the path."""
    return lambda stack, name: MISSING not in [*at(stack[name], path)]


def encrypted_by_kms(stack: Stack, name: str) -> bool:
    return [*at(stack[name], f"{ENCRYPTED}.SSEAlgorithm")] == ["aws:kms"]


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


def insights(stack: Stack, name: str) -> bool:
    settings = stack[name].get("ClusterSettings", [])
    return any(
        each["Name"] == "containerInsights" and each["Value"] in ("enabled", "enhanced")
        for each in settings
    )


def kept_for_a_year(stack: Stack, name: str) -> bool:
    """What CloudWatch.16 asks for by default; with no number at all, they are kept for ever."""
    return int(stack[name].get("RetentionInDays", 3653)) >= 365


def ends_unfinished_uploads(stack: Stack, name: str) -> bool:
    rules = stack[name].get("LifecycleConfiguration", {}).get("Rules", [])
    return any(
        rule["Status"] == "Enabled" and "Prefix" not in rule and rule.get(ABORT) for rule in rules
    )


ABORT = "AbortIncompleteMultipartUpload"
ENCRYPTED = "BucketEncryption.ServerSideEncryptionConfiguration.*.ServerSideEncryptionByDefault"


def encrypted_queue(stack: Stack, name: str) -> bool:
    queue = stack[name]
    return bool(queue.get("KmsMasterKeyId")) or queue.get("SqsManagedSseEnabled") is True


def runtimes() -> dict[str, Any]:
    """AWS's own list, as cfn-lint brings it along."""
    data = resources.files(cfnlint.data.AdditionalSpecs)
    known: dict[str, Any] = json.loads((data / "LmbdRuntimeLifecycle.json").read_text())
    return known


def latest(stack: Stack, name: str) -> bool:
    versions = [int(each.removeprefix("python3.")) for each in runtimes() if "python3." in each]
    return bool(stack[name]["Runtime"] == f"python3.{max(versions)}")


def supported(runtime: Any) -> bool:
    """Not deprecated for half a year."""
    known = runtimes()
    ends = known.get(runtime, {}).get("deprecated") or "9999-12-31"
    in_half_a_year = datetime.datetime.now(tz=datetime.UTC).date() + datetime.timedelta(days=182)
    return runtime in known and datetime.date.fromisoformat(ends) > in_half_a_year


def fails_to_somewhere(stack: Stack, name: str) -> bool:
    """An on-failure destination, a queue that brings the event again, or CloudFormation is told."""
    configured = stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    destinations = [
        each.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        for each in configured
        if each["FunctionName"] == f"<{name}>"
    ]
    sources = [
        each["EventSourceArn"]
        for each in stack.of_type("AWS::Lambda::EventSourceMapping").values()
        if each["FunctionName"] == f"<{name}>"
    ]
    asked = [
        each
        for each in stack.of_type("Custom::ServiceLinkedRole").values()
        if each["ServiceToken"] == f"<{name}.Arn>"
    ]
    return bool([each for each in destinations if each] or sources or asked)


def nothing_to_fail_to(stack: Stack, name: str) -> None:
    for logical_id, resource in [*stack.resources.items()]:
        about = f"<{name}" in json.dumps(resource.get("Properties", {}))
        if about and resource["Type"] in (
            "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping",
            "Custom::ServiceLinkedRole",
        ):  # fmt: skip
            del stack.resources[logical_id]


def no_secret(variables: Any) -> bool:
    """No variable is named like one, and CloudFormation hands in none."""
    return not SECRET.search(json.dumps(variables)) and "{{resolve:" not in json.dumps(variables)


def for_one_source(stack: Stack, name: str) -> bool:
    """A service, and not for just any of its customers: a bucket's ARN has no account in it."""
    permission = stack[name]
    account = "SourceAccount" in permission or permission["Principal"] != "s3.amazonaws.com"
    return (
        permission["Principal"].endswith(".amazonaws.com") and "SourceArn" in permission and account
    )


def not_root(user: Any) -> bool:
    return isinstance(user, str) and re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) is not None


def absent(found: Any) -> bool:
    return found is MISSING


def absent_or_false(found: Any) -> bool:
    return found is MISSING or found is False


def two_roles(stack: Stack, name: str) -> bool:
    task = stack[name]
    return bool(task.get("TaskRoleArn")) and task["TaskRoleArn"] != task.get("ExecutionRoleArn")


def one_role(stack: Stack, name: str) -> None:
    stack[name]["TaskRoleArn"] = stack[name]["ExecutionRoleArn"]


def starts_private_tasks(stack: Stack, name: str) -> bool:
    """All tasks have private addresses, but those of the network that is named for the others."""
    tasks = [target for target in stack[name]["Targets"] if "EcsParameters" in target]
    return bool(tasks) and stack.parameters["Network"] != "public"


def private_tasks(stack: Stack, name: str) -> bool:
    return all(
        network["AwsVpcConfiguration"]["AssignPublicIp"] == "DISABLED"
        for network in at(stack[name], "Targets.*.EcsParameters.NetworkConfiguration")
    )


def public_tasks(stack: Stack, name: str) -> None:
    for network in at(stack[name], "Targets.*.EcsParameters.NetworkConfiguration"):
        network["AwsVpcConfiguration"]["AssignPublicIp"] = "ENABLED"


def is_the_only_way_out(stack: Stack, _: str) -> bool:
    return stack.parameters["Network"] == "isolated"


def limited_endpoint(stack: Stack, name: str) -> bool:
    """A policy, and not AWS's own, which has `*`."""
    statements = stack[name].get("PolicyDocument", {}).get("Statement", [])
    actions = [action for each in statements for action in _listed(each["Action"])]
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


def privileged_to_build_images(stack: Stack, name: str) -> bool:
    """The Docker daemon needs it; whoever pushes no image does not."""
    build = stack[name]
    needed = "ecr:PutImage" in str(stack[role_of(build)]["Policies"])
    return bool(build["Environment"].get("PrivilegedMode", False)) <= needed


def pushes_no_image(stack: Stack, name: str) -> None:
    stack[role_of(stack[name])]["Policies"] = []


def role_of(build: dict[str, Any]) -> str:
    return str(build["ServiceRole"]).removeprefix("<").removesuffix(".Arn>")


def logs_to_a_kept_group(stack: Stack, name: str) -> bool:
    logs = stack[name].get("LogsConfig", {}).get("CloudWatchLogs", {})
    group = str(logs.get("GroupName", "")).strip("<>")
    return logs.get("Status") == "ENABLED" and group in stack.of_type(LOGS)


def function_logs_to_a_kept_group(stack: Stack, name: str) -> bool:
    group = str(stack[name].get("LoggingConfig", {}).get("LogGroup", "")).strip("<>")
    return group in stack.of_type(LOGS)


def for_a_service(stack: Stack, name: str) -> bool:
    """Nobody but services takes on a role."""
    statements = stack[name]["AssumeRolePolicyDocument"]["Statement"]
    return all(
        each["Principal"].keys() == {"Service"} for each in statements if each["Effect"] == "Allow"
    )


def for_the_account(stack: Stack, name: str) -> None:
    (statement,) = stack[name]["AssumeRolePolicyDocument"]["Statement"]
    statement["Principal"] = {"AWS": "111122223333"}


def no_wildcard_action(stack: Stack, name: str) -> bool:
    statements = Account(stack).of_role(name)
    return not any("*" in action for each in statements for action in _listed(each["Action"]))


def any_action(stack: Stack, name: str) -> None:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}
    stack[name]["Policies"] = [*stack[name].get("Policies", []), policy]


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


_PUBLIC = "PublicAccessBlockConfiguration"
_WORKER = "ContainerDefinitions.*"
CONTROLS = [
    # ---- S3
    *(
        value(f"{each}", BUCKET, "S3.8, CKV_AWS_53-56", f"{_PUBLIC}.{each}", is_(True),
              MISSING, False)
        for each in (
            "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
        )
    ),
    value("encryption at rest", BUCKET, "CKV_AWS_19", f"{ENCRYPTED}.SSEAlgorithm",
          lambda found: found in ("AES256", "aws:kms"), MISSING),
    value("no access lists", BUCKET, "S3.12", "OwnershipControls.Rules.*.ObjectOwnership",
          is_("BucketOwnerEnforced"), MISSING, "ObjectWriter", "BucketOwnerPreferred"),
    or_reason("a key of KMS", BUCKET, "S3.17", "S3.17", encrypted_by_kms),
    or_reason("access logs", BUCKET, "S3.9, AwsSolutions-S1, CKV_AWS_18", "CKV_AWS_18",
              has("LoggingConfiguration")),
    or_reason("versions", BUCKET, "S3.14, CKV_AWS_21", "CKV_AWS_21", versioned,
              put("VersioningConfiguration", {"Status": "Suspended"})),
    Control("unfinished uploads end", BUCKET, "S3.13, CKV_AWS_300", ends_unfinished_uploads, {
        "gone": put(f"LifecycleConfiguration.Rules.*.{ABORT}", MISSING),
        "disabled": put("LifecycleConfiguration.Rules.*.Status", "Disabled"),
    }),
    tls_only(BUCKET, "S3.5, AwsSolutions-S10", ("s3:ListBucket", ""), ("s3:PutObject", "/a")),
    # ---- SQS and SNS
    Control("encryption at rest", QUEUE, "SQS.1, AwsSolutions-SQS2", encrypted_queue, {
        "SqsManagedSseEnabled=False": put("SqsManagedSseEnabled", False),
        "gone": put("SqsManagedSseEnabled", MISSING),
    }),
    or_reason("a queue for the hopeless", QUEUE, "AwsSolutions-SQS3", "AwsSolutions-SQS3",
              has("RedrivePolicy.deadLetterTargetArn"), put("RedrivePolicy", MISSING)),
    tls_only(QUEUE, "AwsSolutions-SQS4", ("sqs:ReceiveMessage", ""), ("sqs:PurgeQueue", "")),
    Control("nobody else sends", QUEUE, "nobody", nobody_else_sends,
            {"no statement": without_statement("NobodyElseWrites")}),
    or_reason("encryption at rest", TOPIC, "SNS.1, CKV_AWS_26", "CKV_AWS_26",
              has("KmsMasterKeyId")),
    tls_only(TOPIC, "AwsSolutions-SNS3", ("sns:Publish", ""), given=ALARM),
    Control("nobody else publishes", TOPIC, "nobody", nobody_else_publishes,
            {"no statement": without_statement("NobodyElsePublishes")}),
    # ---- Lambda
    value("a runtime with support", FUNCTION, "Lambda.2", "Runtime", supported,
          MISSING, "python3.8", "python4"),
    or_reason("the latest runtime", FUNCTION, "AwsSolutions-L1", "AwsSolutions-L1", latest),
    or_reason("reserved concurrency", FUNCTION, "CKV_AWS_115", "CKV_AWS_115",
              has("ReservedConcurrentExecutions")),
    Control("somewhere to fail to", FUNCTION, "CKV_AWS_116", fails_to_somewhere,
            {"gone": nothing_to_fail_to}),
    Control("a log group with retention", FUNCTION, "nobody", function_logs_to_a_kept_group,
            {"gone": put("LoggingConfig", MISSING),
             "another": put("LoggingConfig.LogGroup", "/aws/lambda/f")}),
    value("no secret in variables", FUNCTION, "CKV_AWS_45", "Environment.Variables", no_secret,
          {"DB_PASSWORD": "p"}, {"A": "{{resolve:secretsmanager:s}}"}),
    Control("for one source", PERMISSION, "Lambda.1, CKV_AWS_301", for_one_source, {
        "Principal=*": put("Principal", "*"),
        "any source": put("SourceArn", MISSING),
    }),
    # ---- ECS
    or_reason("Container Insights", CLUSTER, "ECS.12, AwsSolutions-ECS4, CKV_AWS_65", "CKV_AWS_65",
              insights),
    value("not root", TASK, "ECS.20", f"{_WORKER}.User", not_root, MISSING, "0", "root", "0:0",
          "65532", "65532:0"),
    value("read-only root", TASK, "ECS.5, CKV_AWS_336", f"{_WORKER}.ReadonlyRootFilesystem",
          is_(True), MISSING, False),
    value("no capabilities", TASK, "nobody", f"{_WORKER}.LinuxParameters.Capabilities",
          is_({"Drop": ["ALL"]}), MISSING, {"Drop": []}, {"Drop": ["NET_RAW"]},
          {"Drop": ["ALL"], "Add": ["SYS_PTRACE"]}),
    value("not privileged", TASK, "ECS.4, CKV_AWS_334", f"{_WORKER}.Privileged", absent_or_false,
          True),
    value("an init process", TASK, "nobody", f"{_WORKER}.LinuxParameters.InitProcessEnabled",
          is_(True), MISSING, False),
    value("logs", TASK, "ECS.9, AwsSolutions-ECS7", f"{_WORKER}.LogConfiguration.LogDriver",
          is_("awslogs"), MISSING, "none"),
    value("no secret in variables", TASK, "ECS.8, AwsSolutions-ECS2", f"{_WORKER}.Environment",
          no_secret, [{"Name": "AWS_SECRET_ACCESS_KEY", "Value": "s"}],
          [{"Name": "A", "Value": "{{resolve:ssm:s}}"}]),
    value("a network of its own", TASK, "ECS.17", "NetworkMode", is_("awsvpc"), MISSING, "host"),
    value("processes of its own", TASK, "ECS.3", "PidMode", absent, "host", "task"),
    value("no volumes", TASK, "ECS.18, CKV_AWS_97", "Volumes", absent, [{"Name": "v"}]),
    value("no open ports", TASK, "nobody", f"{_WORKER}.PortMappings", absent,
          [{"ContainerPort": 22}]),
    Control("two roles", TASK, "CKV_AWS_249", two_roles,
            {"one": one_role, "none": put("TaskRoleArn", MISSING)}),
    Control("private addresses", RULE, "ECS.16", private_tasks, {"ENABLED": public_tasks},
            starts_private_tasks),
    # ---- Network
    or_reason("flow logs", VPC, "EC2.6, AwsSolutions-VPC7", "EC2.6", flow_logs),
    or_reason("a default group that lets nothing through", VPC, "EC2.2", "EC2.2",
              lambda stack, name: False),
    or_reason("an endpoint to EC2", VPC, "EC2.10", "EC2.10", endpoint_to("ec2")),
    or_reason("an endpoint to SSM", VPC, "EC2.57", "EC2.57", endpoint_to("ssm")),
    Control("endpoints to ECR", VPC, "EC2.55", endpoint_to("ecr.api"),
            {"none": no_endpoint_to("ecr.api")}, is_the_only_way_out),
    Control("endpoints to images", VPC, "EC2.56", endpoint_to("ecr.dkr"),
            {"none": no_endpoint_to("ecr.dkr")}, is_the_only_way_out),
    Control("a policy that limits", ENDPOINT, "nobody", limited_endpoint, {
        "gone": put("PolicyDocument", MISSING),
        "anything": put("PolicyDocument", {
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}),
    }, is_the_only_way_out),
    Control("private names and a group", ENDPOINT, "nobody", private_names, {
        "PrivateDnsEnabled=False": put("PrivateDnsEnabled", False),
        "no group": put("SecurityGroupIds", []),
    }, is_an_interface),
    Control("lets in no address", GROUP, "EC2.18-19, CKV_AWS_260, AwsSolutions-EC23",
            lets_in_groups_only, {"anyone": put("SecurityGroupIngress", [ANYONE])}),
    Control("lets out what it must", GROUP, "CKV_AWS_382", lets_out_what_is_said, {
        "gone": put("SecurityGroupEgress", MISSING),
        "anything": put("SecurityGroupEgress", [ANYWHERE]),
    }),
    value("no addresses by default", SUBNET, "EC2.15, CKV_AWS_130", "MapPublicIpOnLaunch",
          absent_or_false, True),
    # ---- The image
    value("scans", REPOSITORY, "ECR.1, CKV_AWS_163", "ImageScanningConfiguration.ScanOnPush",
          is_(True), MISSING, False),
    value("tags that stay", REPOSITORY, "ECR.2, CKV_AWS_51", "ImageTagMutability",
          is_("IMMUTABLE"), MISSING, "MUTABLE"),
    value("old images go", REPOSITORY, "ECR.3", "LifecyclePolicy.LifecyclePolicyText",
          lambda found: '"expire"' in str(found), MISSING),
    value("encryption at rest", REPOSITORY, "nobody", "EncryptionConfiguration.EncryptionType",
          lambda found: found in ("AES256", "KMS"), MISSING),
    or_reason("a key of your own", REPOSITORY, "ECR.5, CKV_AWS_136", "CKV_AWS_136",
              has("EncryptionConfiguration.KmsKey")),
    Control("privileged only to build images", BUILD, "CodeBuild.5, CKV_AWS_316",
            privileged_to_build_images, {"no image": pushes_no_image}),
    Control("logs that are kept", BUILD, "CodeBuild.4, CKV_AWS_314", logs_to_a_kept_group, {
        "DISABLED": put("LogsConfig.CloudWatchLogs.Status", "DISABLED"),
        "gone": put("LogsConfig", MISSING),
        "another": put("LogsConfig.CloudWatchLogs.GroupName", "/aws/codebuild/p"),
    }),
    value("no secret in variables", BUILD, "CodeBuild.2", "Environment.EnvironmentVariables",
          no_secret, [{"Name": "AWS_ACCESS_KEY_ID", "Value": "k"}]),
    value("no source from outside", BUILD, "CodeBuild.1", "Source.Type", is_("NO_SOURCE"),
          MISSING, "GITHUB"),
    # ---- CloudTrail
    value("validates its files", TRAIL, "CloudTrail.4, CKV_AWS_36", "EnableLogFileValidation",
          is_(True), MISSING, False),
    value("is on", TRAIL, "CKV_AWS_251", "IsLogging", is_(True), MISSING, False),
    or_reason("a key", TRAIL, "CloudTrail.2, CKV_AWS_35", "CKV_AWS_35", has("KMSKeyId")),
    or_reason("its records in CloudWatch Logs", TRAIL, "CloudTrail.5", "CloudTrail.5",
              has("CloudWatchLogsLogGroupArn")),
    # ---- Logs and roles
    value("retention", LOGS, "CKV_AWS_66", "RetentionInDays",
          lambda found: str(found).isdigit() and int(found) > 0, MISSING),
    or_reason("kept for a year", LOGS, "CloudWatch.16", "CloudWatch.16", kept_for_a_year,
              put("RetentionInDays", 364)),
    or_reason("a key", LOGS, "CKV_AWS_158", "CKV_AWS_158", has("KmsKeyId")),
    Control("for services only", ROLE, "CKV_AWS_60-61", for_a_service, {"anyone": for_the_account}),
    Control("no wildcard in actions", ROLE, "IAM.21, AwsSolutions-IAM5", no_wildcard_action,
            {"any": any_action}),
]  # fmt: skip
