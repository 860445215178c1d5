"""KmsKeyArn and PermissionsBoundaryArn: everywhere, or nowhere; both policies as documented."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import pytest

from tests.support.cases import in_turn
from tests.template.evaluator import Caller, Request, allowed
from tests.template.policies import PLACE, Account
from tests.template.synthesis import BUCKET, CHOICES, CLOUDTRAIL, ROOT, Stack, synthesize

KEY = "arn:aws-test:kms:xx-test-9:111122223333:key/0"
FORMER = [KEY.replace("key/0", "key/1"), KEY.replace("key/0", "key/2")]
BOUNDARY = "arn:aws-test:iam::111122223333:policy/boundary"
every_choice = in_turn("choice", CHOICES.values())

PROPERTIES = {
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::Lambda::Function": "KmsKeyArn",
    "AWS::CloudTrail::Trail": "KMSKeyId",
}
SERVICES = {"s3", "sqs", "lambda"}
"""By way of which services roles use a key; each may call only what its other policies let it."""
WITHOUT = {"ExecutionRole", "UploadRuleRole", "ImageBuildRole"}
"""The roles that read and write nothing that is encrypted with the key in their own name."""


SECURITY = (ROOT / "docs/SECURITY.md").read_text()


def section(heading: str) -> str:
    return SECURITY.split(f"\n## {heading}\n")[1].split("\n## ")[0]


@functools.cache
def documented(heading: str) -> list[dict[str, Any]]:
    """The policy in a section of the documentation, for the account of the synthesized stacks.

    There a role's name is its logical id, and does not begin with the stack's.
    """
    (text,) = re.findall(r"```json\n(.*?)```", section(heading), re.DOTALL)
    for word, own in {
        "arn:aws:": "arn:aws-test:", "ACCOUNT": PLACE["account"], "REGION": PLACE["region"],
        "role/STACK-*": "role/*Role", "STACK": "mazes",
    }.items():  # fmt: skip
        text = text.replace(word, own)
    statements: list[dict[str, Any]] = json.loads(text)["Statement"]
    return statements


def key_policy() -> list[dict[str, Any]]:
    return documented("A key of your own")


def boundary() -> list[dict[str, Any]]:
    return documented("A permissions boundary")


def may_use(caller: Caller, action: str, key: str = KEY, **given: str) -> bool:
    keys = {name.replace("__", ":"): value for name, value in given.items()}
    return allowed(Request(caller, action, key, PLACE["account"], keys), key_policy())


@every_choice
def test_the_key_encrypts_all_that_is_kept(choice: dict[str, str]) -> None:
    stack = synthesize(choice, KmsKeyArn=KEY)
    for kind, name in PROPERTIES.items():
        assert {each.get(name) for each in stack.of_type(kind).values()} <= {KEY}
    for queue in stack.of_type("AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] is False
    if "ResultMessages" in stack.resources:
        assert stack["ResultMessages"]["KmsMasterKeyId"] == KEY
    for bucket in stack.of_type("AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        assert rule == {"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}
    for repository in stack.of_type("AWS::ECR::Repository").values():
        expected = {"EncryptionType": "KMS", "KmsKey": KEY}
        assert repository["EncryptionConfiguration"] == expected


@every_choice
def test_without_a_key_nothing_speaks_of_kms(choice: dict[str, str]) -> None:
    assert "kms:" not in json.dumps([*synthesize(choice).resources.values()])


def uses(stack: Stack, role: str, action: str, key: str = KEY) -> set[str]:
    """By way of which services a role may do that with a key; empty: by itself."""
    caller = Account(stack).caller(role)
    ways = ("", "s3", "sqs", "lambda", "ecr", "secretsmanager", "ec2")
    return {
        service
        for service in ways
        if may_use(
            caller,
            action,
            key,
            kms__ViaService=f"{service}.xx-test-9.amazonaws.com" * bool(service),
        )
    }


@every_choice
def test_roles_use_the_key_by_way_of_the_services_that_store_only(choice: dict[str, str]) -> None:
    stack = synthesize(choice, KmsKeyArn=KEY)
    for role in stack.of_type("AWS::IAM::Role"):
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert uses(stack, role, action) == (set() if role in WITHOUT else SERVICES), role


@every_choice
@in_turn("key", ["", KEY])
def test_roles_decrypt_with_former_keys_and_do_nothing_else_with_them(
    choice: dict[str, str], key: str
) -> None:
    """Each role that uses the key, whether there is one now or not."""
    stack = synthesize(choice, KmsKeyArn=key, OtherKeyArns=",".join(FORMER))
    for role in stack.of_type("AWS::IAM::Role"):
        for former in FORMER:
            found = uses(stack, role, "kms:Decrypt", former)
            assert found == (set() if role in WITHOUT else SERVICES), role
            # One of them may be the key of the bucket that somebody brings: for results.
            writes = {"s3"} if found and "BucketName" in choice else set()
            assert uses(stack, role, "kms:GenerateDataKey", former) == writes
        assert bool(uses(stack, role, "kms:GenerateDataKey")) == (bool(key) and bool(found))


GROUP = "arn:aws-test:logs:xx-test-9:111122223333:log-group:mazes-JobLogGroup-1"
TRAIL = f"arn:aws-test:cloudtrail:xx-test-9:111122223333:trail/{BUCKET}"
AWS_DOCS = "https://docs.aws.amazon.com/"
GUIDES: dict[str, tuple[str, str, dict[str, str]]] = {
    f"{AWS_DOCS}AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html": (
        "logs.xx-test-9.amazonaws.com",
        "kms:Encrypt kms:Decrypt kms:ReEncryptFrom kms:ReEncryptTo kms:GenerateDataKey"
        " kms:GenerateDataKeyWithoutPlaintext kms:DescribeKey",
        {"kms__EncryptionContext__aws__logs__arn": GROUP},
    ),
    f"{AWS_DOCS}AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html": (
        "events.amazonaws.com",
        "kms:GenerateDataKey kms:Decrypt",
        {},
    ),
    f"{AWS_DOCS}awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html": (
        "cloudtrail.amazonaws.com",
        "kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:DescribeKey",
        {"aws__SourceArn": TRAIL},
    ),
    f"{AWS_DOCS}sns/latest/dg/sns-key-management.html#compatibility-with-aws-services": (
        "events.amazonaws.com",
        "kms:GenerateDataKey kms:Decrypt",
        {},  # "not supported for EventBridge-to-encrypted topics": neither source nor account
    ),
    # For a bucket with a bucket key, and in the guide's example without a condition.
    f"{AWS_DOCS}awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html#"
    "create-kms-key-policy-for-cloudtrail-decrypt": (
        "cloudtrail.amazonaws.com",
        "kms:Decrypt",
        {},
    ),
}
"""What each service's own guide asks of a key's policy: principal, actions, what the call says."""


@in_turn("guide", GUIDES)
def test_the_key_policy_has_what_each_services_own_guide_asks(guide: str) -> None:
    service, actions, given = GUIDES[guide]
    caller = Caller(service=service)
    assert [each for each in actions.split() if not may_use(caller, each, **given)] == []


def test_each_service_that_uses_the_key_by_itself_has_its_guide() -> None:
    """S3, Lambda and ECR use it in the name of roles and people."""
    found = {s["Principal"]["Service"] for s in key_policy() if "Service" in s["Principal"]}
    assert found == {service for service, _, _ in GUIDES.values()}


def test_the_key_lets_in_the_services_that_store_and_for_this_stack_only() -> None:
    logs = Caller(service="logs.xx-test-9.amazonaws.com")
    group = "arn:aws-test:logs:xx-test-9:111122223333:log-group:"
    own = {"kms__EncryptionContext__aws__logs__arn": f"{group}mazes-JobLogGroup-1"}
    other = {"kms__EncryptionContext__aws__logs__arn": f"{group}others"}
    assert may_use(logs, "kms:GenerateDataKey", **own)
    assert not may_use(logs, "kms:GenerateDataKey", **other)
    assert may_use(Caller(service="events.amazonaws.com"), "kms:GenerateDataKey")
    assert not may_use(Caller(service="s3.amazonaws.com"), "kms:GenerateDataKey")


def test_the_key_lets_in_the_stacks_own_trail_only() -> None:
    trail = Caller(service="cloudtrail.amazonaws.com")
    arn = "arn:aws-test:cloudtrail:xx-test-9:{}:trail/{}"
    own = synthesize(CLOUDTRAIL)["Trail"]["TrailName"]
    assert own == "<DataBucket>"  # the bucket's name
    name = synthesize(CLOUDTRAIL)["DataBucket"]["BucketName"]
    assert may_use(trail, "kms:GenerateDataKey", aws__SourceArn=arn.format("111122223333", name))
    assert not may_use(trail, "kms:GenerateDataKey")
    for other in (arn.format("999999999999", name), arn.format("111122223333", "management")):
        assert not may_use(trail, "kms:GenerateDataKey", aws__SourceArn=other)
        assert not may_use(trail, "kms:DescribeKey", aws__SourceArn=other)


@pytest.mark.parametrize(
    ("who", "actions"),
    [
        ("reads the failure queue", ["kms:Decrypt"]),
        # Encryption at rest, of ECR's guide; Securing environment variables, of Lambda's.
        (
            "deploys",
            ["kms:CreateGrant", "kms:RetireGrant", "kms:DescribeKey", "kms:Encrypt", "kms:Decrypt"],
        ),
        ("uploads or downloads", ["kms:GenerateDataKey", "kms:Decrypt"]),
    ],
)
def test_people_use_the_key_by_policies_of_their_own(who: str, actions: list[str]) -> None:
    (sentence,) = [
        each for each in " ".join(section("A key of your own").split()).split(". ") if who in each
    ]
    person = "arn:aws-test:iam::111122223333:role/person"
    for action in actions:
        assert f"`{action}`" in sentence
        own = ({"Effect": "Allow", "Action": action, "Resource": KEY},)
        assert may_use(Caller(PLACE["account"], person, policies=own), action)
        assert not may_use(Caller(PLACE["account"], person), action)


@every_choice
def test_roles_use_the_key_within_the_boundary(choice: dict[str, str]) -> None:
    account = Account(synthesize(choice, KmsKeyArn=KEY, PermissionsBoundaryArn=BOUNDARY))
    for role in account.stack.of_type("AWS::IAM::Role"):
        for service in SERVICES if role not in WITHOUT else ():
            keys = {"kms:ViaService": f"{service}.xx-test-9.amazonaws.com"}
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                request = Request(account.caller(role), action, KEY, PLACE["account"], keys)
                assert allowed(request, key_policy(), of_boundary=boundary())


@every_choice
def test_the_boundary_is_on_every_role(choice: dict[str, str]) -> None:
    bounded, free = synthesize(choice, PermissionsBoundaryArn=BOUNDARY), synthesize(choice)
    for role in bounded.of_type("AWS::IAM::Role"):
        assert bounded[role]["PermissionsBoundary"] == BOUNDARY
        assert "PermissionsBoundary" not in free[role]


def test_the_documentation_names_tests_that_exist() -> None:
    text = (ROOT / "docs/SECURITY.md").read_text()
    named = {*re.findall(r"`((?:local|template)/test_\w+\.py)`", text)}
    assert named
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
