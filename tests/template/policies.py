"""The policies of a synthesized stack, with ARNs in place of references, for the evaluator."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.arns import FORMATS, OTHERS, arn, task_in
from tests.support.attempts.attempt import ADMINISTRATOR, STRANGER, Attempt
from tests.template.evaluator import Caller, Request, Statement, allowed
from tests.template.synthesis import PSEUDO, Stack

PLACE = {
    "partition": PSEUDO["AWS::Partition"],
    "region": PSEUDO["AWS::Region"],
    "account": PSEUDO["AWS::AccountId"],
}
OTHER_ACCOUNT = "999999999999"
ANYTHING: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# Where a resource's own name is, in what the template says of it.
NAMES = {"AWS::S3::Bucket": "BucketName", "AWS::Events::Rule": "Name"}


def named(stack: Stack) -> dict[str, str]:
    """ARN of every resource that has one, by logical id."""

    def name(logical_id: str, resource: dict[str, Any]) -> str:
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            return f"{resource['Properties']['Family']}:1"
        if resource["Type"] == "AWS::Lambda::LayerVersion":
            return f"{resource['Properties']['LayerName']}:1"
        own: str = resource.get("Properties", {}).get(NAMES.get(resource["Type"]), logical_id)
        return own

    return {
        "ProcessingLayer" if logical_id.startswith("ProcessingLayer") else logical_id: arn(
            resource["Type"], name(logical_id, resource), **PLACE
        )
        for logical_id, resource in stack.resources.items()
        if resource["Type"] in FORMATS
    }


def resolved(stack: Stack, node: Any, arns: Mapping[str, str]) -> Any:
    """The same with ARNs and names in place of references."""

    def value(reference: re.Match[str]) -> str:
        logical_id, _, attribute = reference[1].partition(".")
        kind = stack.resources[logical_id]["Type"]
        if not attribute:
            if kind == "AWS::SNS::Topic":  # whose Ref is its ARN
                return arns[logical_id]
            if kind == "AWS::ECS::Cluster":
                return arns[logical_id].rpartition("/")[2]
            return arns[logical_id].rsplit(":", 1)[-1]
        assert attribute == "Arn", reference[0]
        return arns[logical_id] + (":*" if kind == "AWS::Logs::LogGroup" else "")

    return json.loads(re.sub(r"<(\w+(?:\.\w+)?)>", value, json.dumps(node)))


def _about(resource: dict[str, Any]) -> list[str]:
    """The resources whose policy this is, if it is one."""
    match resource["Type"]:
        case "AWS::S3::BucketPolicy":
            return [resource["Properties"]["Bucket"]]
        case "AWS::SQS::QueuePolicy":
            return list(resource["Properties"]["Queues"])
        case "AWS::SNS::TopicPolicy":
            return list(resource["Properties"]["Topics"])
    return []


@dataclass
class Account:
    """The account of a synthesized stack: what its policies say of a request."""

    stack: Stack
    boundary: list[Statement] | None = None

    @functools.cached_property
    def arns(self) -> dict[str, str]:
        return named(self.stack)

    def allows(self, attempt: Attempt) -> bool:
        resource = self.fill(attempt.on)
        way = None
        if attempt.via:
            way = self._statements(self.stack[attempt.via]["PolicyDocument"])
        request = Request(
            self.caller(attempt.by),
            attempt.action,
            resource,
            PLACE["account"],
            {key: self.fill(value) for key, value in attempt.given.items()},
        )
        return allowed(request, self.of_resource(attempt.on), way, self.boundary)

    def fill(self, text: str) -> str:
        """ARNs in place of the names in a table."""
        others = {name: arn(kind, own, **PLACE) for name, (kind, own) in OTHERS.items()}
        place = {name.capitalize(): value for name, value in PLACE.items()}
        bucket = self.stack["DataBucket"]["BucketName"]
        own = {**self.arns, "Task": task_in(self.arns.get("Cluster", ""))}
        return text.format_map({**others, **place, **own, "BucketName": bucket})

    def caller(self, by: str) -> Caller:
        if by.endswith(".amazonaws.com"):
            return Caller(service=by)
        if by in (ADMINISTRATOR, STRANGER):
            account = PLACE["account"] if by == ADMINISTRATOR else OTHER_ACCOUNT
            return Caller(
                account, arn("AWS::IAM::Role", "admin", **{**PLACE, "account": account}),
                policies=(ANYTHING,),
            )  # fmt: skip
        return Caller(PLACE["account"], self.arns[by], policies=(*self.of_role(by),))

    def of_role(self, role: str) -> list[Statement]:
        """All that a role's own and attached policies say."""
        documents = [policy["PolicyDocument"] for policy in self.stack[role].get("Policies", [])]
        for policy in self.stack[role].get("ManagedPolicyArns", []):
            documents.append(self.stack[policy.strip("<>")]["PolicyDocument"])
        return [each for document in documents for each in self._statements(document)]

    def of_resource(self, on: str) -> list[Statement]:
        """What the policy of the resource itself says: bucket, queue, function or role."""
        logical_id = on.partition("}")[0].strip("{")
        if logical_id not in self.stack.resources:
            return []
        match self.stack.resources[logical_id]["Type"]:
            case "AWS::S3::Bucket" | "AWS::SQS::Queue" | "AWS::SNS::Topic":
                return [
                    statement
                    for each in self.stack.resources.values()
                    if f"<{logical_id}>" in _about(each)
                    for statement in self._statements(each["Properties"]["PolicyDocument"])
                ]
            case "AWS::IAM::Role":
                return self._statements(self.stack[logical_id]["AssumeRolePolicyDocument"])
            case "AWS::Lambda::Function":
                return [
                    self._permission(each)
                    for each in self.stack.of_type("AWS::Lambda::Permission").values()
                    if each["FunctionName"] == f"<{logical_id}>"
                ]
        return []

    def _statements(self, document: dict[str, Any]) -> list[Statement]:
        statements: list[Statement] = resolved(self.stack, document["Statement"], self.arns)
        return statements

    def _permission(self, permission: dict[str, Any]) -> Statement:
        """The statement that Lambda makes of a permission."""
        condition = {"ArnLike": {"aws:SourceArn": permission["SourceArn"]}}
        if "SourceAccount" in permission:
            condition["StringEquals"] = {"aws:SourceAccount": permission["SourceAccount"]}
        statement: Statement = resolved(
            self.stack,
            {
                "Effect": "Allow",
                "Principal": {"Service": permission["Principal"]},
                "Action": permission["Action"],
                "Resource": f"<{permission['FunctionName'].strip('<>')}.Arn>",
                "Condition": condition,
            },
            self.arns,
        )
        return statement
