"""What linters of others say about the template: nothing, but for what suppressions.yaml lists, by
resource and with the reason.

cfn-lint reads the template itself, with trust policies among it; checkov and parliament read the
stacks that come of it, and so each of them in every mode.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.template.synthesis import CHOICES, SUPPRESSIONS, Stack, synthesize
from tooling.paths import BUILD, TEMPLATE

Finding = tuple[str, str]
"""Logical id of the resource, and the id of the check."""

KEY = "arn:aws-test:kms:xx-test-9:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
WITH_KEY = ("hybrid-own-image", "cloudtrail-isolated", "hybrid-max-tasks")

# parliament knows ARNs of AWS's own partition only, and must know what a reference stands for.
ARNS = {
    "AWS::CodeBuild::Project": "arn:aws:codebuild:us-east-1:111122223333:project/{}",
    "AWS::ECR::Repository": "arn:aws:ecr:us-east-1:111122223333:repository/{}",
    "AWS::ECS::Cluster": "arn:aws:ecs:us-east-1:111122223333:cluster/{}",
    "AWS::Events::Rule": "arn:aws:events:us-east-1:111122223333:rule/{}",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/{}",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:111122223333:function:{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:111122223333:log-group:{}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:111122223333:{}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:111122223333:{}",
}


@pytest.fixture(scope="module")
def stacks() -> list[Stack]:
    with_key = [synthesize(CHOICES[name], KmsKeyArn=KEY) for name in WITH_KEY]
    return [*map(synthesize, CHOICES.values()), *with_key]


def run(tool: str, *arguments: str | Path) -> str:
    """What a linter prints, of whichever environment has it."""
    program = BUILD / "env" / tool
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def suppressed(tool: str) -> dict[Finding, str]:
    """The reasons that suppressions.yaml gives."""
    return {
        (name, check): each["reason"]
        for check, reasons in SUPPRESSIONS[tool].items()
        for each in reasons
        for name in each["resources"]
    }


def test_cfn_lint_finds_what_is_suppressed_of_serverless_rules_and_nothing_else() -> None:
    """Its own rules, which take eight times as long, are `make lint`'s."""
    from cfnlint import api, rules  # half a second, which nothing else needs

    serverless = rules.RulesCollection(include_rules=["I"])
    serverless.create_from_module("cfn_lint_serverless.rules")
    findings = api.lint(TEMPLATE.read_text(), serverless)
    assert {(each.path[1], each.rule.id) for each in findings} == suppressed(
        "cfn-lint-serverless"
    ).keys(), findings


def test_what_cfn_lint_may_not_say_has_a_reason() -> None:
    suppressions = re.findall(r"ignore_checks: \[.*", TEMPLATE.read_text())
    assert suppressions
    for line in suppressions:
        assert re.search(r"  # \w", line), line


CHECKOV = """
import json, sys
from checkov.cloudformation.runner import Runner
report = Runner().run(sys.argv[1])
said = report.get_dict()["results"]
checks = {
    kind: [(each["resource"].split(".")[1], each["check_id"]) for each in said[kind]]
    for kind in ("passed_checks", "failed_checks", "skipped_checks")
}
print(json.dumps({"checks": checks, "summary": report.get_summary()}))
"""
"""`checkov --framework=cloudformation`, which imports what all others need: half of its time."""


@pytest.fixture(scope="module")
def checkov(
    stacks: list[Stack], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, set[Finding]]:
    """Its results for all stacks: passed_checks, failed_checks, skipped_checks."""
    folder = tmp_path_factory.mktemp("checkov")
    forms = list(templates_of_each_form(stacks))
    for number, resources in enumerate(forms):
        template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
        (folder / f"{number}.json").write_text(json.dumps(template))
    report = json.loads(run("checkov/bin/python", "-c", CHECKOV, folder))
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] == sum(map(len, forms))
    return {kind: {*map(tuple, checks)} for kind, checks in report["checks"].items()}


def templates_of_each_form(stacks: list[Stack]) -> Iterator[dict[str, Any]]:
    """Templates that have each resource once in each of its forms: most are the same in all stacks,
    and checkov looks at each for itself, as it sees no references here."""
    forms: dict[str, list[Any]] = {}
    for stack in stacks:
        for name, resource in stack.resources.items():
            known = forms.setdefault(name, [])
            if resource not in known:
                known.append(resource)
    for number in range(max(map(len, forms.values()))):
        yield {name: known[number] for name, known in forms.items() if number < len(known)}


def test_checkov_finds_nothing(checkov: dict[str, set[Finding]]) -> None:
    assert checkov["failed_checks"] == set()


def test_checkov_would_find_all_that_is_suppressed(checkov: dict[str, set[Finding]]) -> None:
    """A suppression of what is no longer there would hide what comes next."""
    assert checkov["skipped_checks"] == suppressed("checkov").keys()


def policies(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy that names resources, with its resource's logical id.

    A trust policy names none, which parliament takes for a mistake: cfn-lint reads those.
    """
    for name, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        for policy in [properties, *properties.get("Policies", [])]:
            if "PolicyDocument" in policy:
                yield name, policy["PolicyDocument"]


def as_on_aws(stack: Stack, policy: dict[str, Any]) -> str:
    def arn(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        return ARNS[stack.resources[name]["Type"]].format(name.lower())

    # A topic's Ref is its ARN.
    text = re.sub(r"<(\w+)\.Arn>|<(?=AlarmTopic|ResultMessages)(\w+)>", arn, json.dumps(policy))
    return text.replace("aws-test", "aws").replace("xx-test-9", "us-east-1")


def test_parliament_finds_what_is_suppressed_and_nothing_else(
    stacks: list[Stack], tmp_path: Path
) -> None:
    texts = {
        (name, as_on_aws(stack, policy)) for stack in stacks for name, policy in policies(stack)
    }
    for number, (name, text) in enumerate(sorted(texts)):
        (tmp_path / f"{name}-{number}.json").write_text(text)
    options = ["--include-community-auditors", "--json"]
    lines = run("parliament/bin/parliament", f"--directory={tmp_path}", *options).splitlines()
    findings = [json.loads(line) for line in lines]
    assert {
        (Path(each["location"]["filepath"]).name.split("-")[0], each["issue"]) for each in findings
    } == suppressed("parliament").keys(), json.dumps(findings, indent=1)
    assert {name for name, _ in texts} >= {"JobPolicy", "DataBucketPolicy", "UploadRuleRole"}


def test_parliament_can_find_something(tmp_path: Path) -> None:
    """It prints nothing also when it reads nothing."""
    statement = {"Effect": "Allow", "Action": "s3:GetEverything", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    said = run("parliament/bin/parliament", f"--directory={tmp_path}", "--json")
    assert "UNKNOWN_ACTION" in said
