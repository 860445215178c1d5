"""What controls look at in a resource, and what breaks it."""

from __future__ import annotations

import datetime
import functools
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.template.control import LOGS, MISSING, Holds, at
from tests.template.synthesis import Stack

SECRET = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|API_?KEY|ACCESS_KEY|ENGINE_AUTH")


def versioned(stack: Stack, name: str) -> bool:
    return bool(stack[name].get("VersioningConfiguration") == {"Status": "Enabled"})


def has(path: str) -> Holds:
    """Something is at the path."""
    return lambda stack, name: MISSING not in [*at(stack[name], path)]


def encrypted_by_kms(stack: Stack, name: str) -> bool:
    return [*at(stack[name], f"{ENCRYPTED}.SSEAlgorithm")] == ["aws:kms"]


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


@functools.cache
def runtimes() -> dict[str, Any]:
    """AWS's own list, as cfn-lint brings it along."""
    spec = find_spec("cfnlint")  # to import it takes longer than all that is done here
    assert spec
    assert spec.origin
    data = Path(spec.origin).parent / "data" / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
    known: dict[str, Any] = json.loads(data.read_text())
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
        for kind in ("Custom::ServiceLinkedRole", "Custom::Bucket")
        for each in stack.of_type(kind).values()
        if each["ServiceToken"] == f"<{name}.Arn>"
    ]
    return bool([each for each in destinations if each] or sources or asked)


def nothing_to_fail_to(stack: Stack, name: str) -> None:
    for logical_id, resource in [*stack.resources.items()]:
        about = f"<{name}" in json.dumps(resource.get("Properties", {}))
        if about and resource["Type"] in (
            "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping",
            "Custom::ServiceLinkedRole", "Custom::Bucket",
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
