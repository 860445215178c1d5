"""The stack's custom resources: what is made, what is responded to here, and what is handed on."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import image
import pytest
import service_linked_role
from botocore.stub import Stubber

from tests.support.cloudformation import LAYER, REPEATED_FIELDS, CloudFormation, request
from tests.support.cloudformation import cloudformation as cloudformation_server
from tooling.template import source

TIMEOUT: int = source()["Resources"]["ResourcesFunction"]["Properties"]["Timeout"]


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with cloudformation_server() as server:
        yield server


@pytest.fixture
def resources(monkeypatch):
    """The function, with the AWS clients stubbed at botocore's own seam, and a clock that sleeping
    moves on."""
    monkeypatch.setenv("REPOSITORY", "repository")
    monkeypatch.setenv("PROJECT", "project")
    path = Path(__file__).parents[2] / "functions/resources/app.py"
    spec = importlib.util.spec_from_file_location("resources_app", path)
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    clients = {
        name: boto3.client(
            name, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s"
        )
        for name in ("ecr", "codebuild", "iam")
    }
    app.stubs = {name: Stubber(client) for name, client in clients.items()}
    monkeypatch.setattr(boto3, "client", clients.__getitem__)
    app.slept = []
    monkeypatch.setattr("time.sleep", app.slept.append)
    app.context = SimpleNamespace(
        get_remaining_time_in_millis=lambda: (TIMEOUT - sum(app.slept)) * 1000
    )
    for stub in app.stubs.values():
        stub.activate()
    yield app
    for stub in app.stubs.values():
        stub.assert_no_pending_responses()


IMAGE = {"repositoryName": "repository", "imageIds": [{"imageTag": "7"}]}
FOUND = {"imageDetails": [{"imageDigest": "sha256:0"}]}
NO_ROOM = "Cannot have more than 0 builds in queue for the account"


def start_build(asked, tag="7"):
    """What starting the build of a request must be called with."""
    expected = {
        "LAYER_VERSION_ARN": LAYER,
        "IMAGE_TAG": tag,
        "RESPONSE_URL": asked["ResponseURL"],
        "RESPONSE": json.dumps(REPEATED_FIELDS),
    }
    return {
        "projectName": "project",
        "buildspecOverride": image.buildspec(),
        "environmentVariablesOverride": [
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in expected.items()
        ],
    }


def no_room(resources):
    resources.stubs["codebuild"].add_client_error(
        "start_build", "AccountLimitExceededException", NO_ROOM
    )


# ---- the worker's image ----
@pytest.mark.parametrize("kind", ["Create", "Update"])
@pytest.mark.parametrize(("word", "tag"), [("", "7"), ("2026-12", "7-2026-12")])
def test_a_new_layer_or_word_starts_a_build_that_can_respond(
    resources, cloudformation, kind, word, tag
):
    asked = request(kind, cloudformation, job_version=word)
    wanted = IMAGE | {"imageIds": [{"imageTag": tag}]}
    resources.stubs["ecr"].add_client_error(
        "describe_images", "ImageNotFoundException", expected_params=wanted
    )
    resources.stubs["codebuild"].add_response("start_build", {}, start_build(asked, tag))
    resources.handler(asked, resources.context)
    assert cloudformation.responses == []


def test_an_image_that_is_there_is_not_built_again(resources, cloudformation):
    resources.stubs["ecr"].add_response("describe_images", FOUND, IMAGE)
    resources.handler(request("Update", cloudformation), resources.context)
    response = {"Status": "SUCCESS", "Data": {"Digest": "sha256:0"}}
    assert cloudformation.responses == [REPEATED_FIELDS | response]


def test_a_build_that_finds_no_room_waits_for_that_of_another(resources, cloudformation):
    asked = request("Create", cloudformation)
    resources.stubs["ecr"].add_client_error("describe_images", "ImageNotFoundException")
    no_room(resources)
    no_room(resources)
    resources.stubs["codebuild"].add_response("start_build", {}, start_build(asked))
    resources.handler(asked, resources.context)
    assert resources.slept == [image.PAUSE_SECONDS] * 2
    assert cloudformation.responses == []


def test_an_account_without_builds_is_told_what_helps_before_the_time_is_out(
    resources, cloudformation
):
    """As long as Lambda's own two retries would take, at least."""
    resources.stubs["ecr"].add_client_error("describe_images", "ImageNotFoundException")
    for _ in range((TIMEOUT - image.RESPONSE_SECONDS) // image.PAUSE_SECONDS + 1):
        no_room(resources)
    resources.handler(request("Create", cloudformation), resources.context)
    assert 180 <= sum(resources.slept) <= TIMEOUT - image.RESPONSE_SECONDS
    (response,) = cloudformation.responses
    assert response["Status"] == "FAILED"
    for part in (NO_ROOM, "concurrent builds", "Service Quotas", "WorkerImageUri"):
        assert part in response["Reason"]


def test_another_refusal_fails_the_stack_at_once_with_the_reason(resources, cloudformation):
    resources.stubs["ecr"].add_client_error("describe_images", "ImageNotFoundException")
    resources.stubs["codebuild"].add_client_error("start_build", "AccessDeniedException", "not you")
    resources.handler(request("Create", cloudformation), resources.context)
    (response,) = cloudformation.responses
    assert response["Status"] == "FAILED"
    assert "not you" in response["Reason"]
    assert resources.slept == []


def test_a_build_that_fails_responds_with_the_reason(cloudformation, tmp_path):
    """Its only command, as CodeBuild runs it, where one tool is missing. With all of them:
    tests/containers/test_image_build.py."""
    tools = {tool: shutil.which(tool) for tool in ("bash", "tee", "tail", "cat", "curl", "jq")}
    if lacking := [tool for tool, path in tools.items() if not path]:
        pytest.skip(f"not installed here: {', '.join(lacking)}")
    for tool, path in tools.items():
        (tmp_path / tool).symlink_to(path)
    (command,) = json.loads(image.buildspec())["phases"]["build"]["commands"]
    ended = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={
            "PATH": str(tmp_path),
            "LAYER_VERSION_ARN": LAYER,
            "RESPONSE": json.dumps(REPEATED_FIELDS),
            "RESPONSE_URL": request("Create", cloudformation)["ResponseURL"],
            "CODEBUILD_BUILD_ID": "a-build",
        },
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode
    (response,) = cloudformation.responses
    assert (response["Status"], response["Data"]) == ("FAILED", {"Digest": ""})
    assert response["Reason"].startswith("the image's build a-build failed: ")
    assert "aws: command not found" in response["Reason"]


# ---- the role of ECS ----
ROLE = {"RoleName": "AWSServiceRoleForECS"}
THE_ROLE = {
    "Role": {
        "Path": "/", "RoleName": ROLE["RoleName"], "RoleId": "A" * 16, "Arn": "a" * 20,
        "CreateDate": "2026-01-01T00:00:00Z",
    },
    "ResponseMetadata": {"HTTPStatusCode": 200},
}  # fmt: skip
SERVICE = {"AWSServiceName": "ecs.amazonaws.com"}


def ask_for_the_role(kind, server):
    return request(kind, server) | {"ResourceType": "Custom::ServiceLinkedRole"}


def outcome(cloudformation):
    (response,) = cloudformation.responses
    return response["Status"]


def test_a_role_that_is_there_is_left_as_it_is(resources, cloudformation):
    resources.stubs["iam"].add_response("get_role", THE_ROLE, ROLE)
    resources.handler(ask_for_the_role("Create", cloudformation), resources.context)
    assert (outcome(cloudformation), resources.slept) == ("SUCCESS", [])


def test_a_role_that_is_missing_is_made_and_waited_for(resources, cloudformation):
    """First until IAM shows it, and then until whoever takes it on knows it, too."""
    iam = resources.stubs["iam"]
    iam.add_client_error("get_role", "NoSuchEntity", expected_params=ROLE)
    iam.add_response("create_service_linked_role", THE_ROLE, SERVICE)
    iam.add_client_error("get_role", "NoSuchEntity", expected_params=ROLE)
    iam.add_response("get_role", THE_ROLE, ROLE)
    resources.handler(ask_for_the_role("Create", cloudformation), resources.context)
    assert outcome(cloudformation) == "SUCCESS"
    assert resources.slept[-1] == service_linked_role.PROPAGATION_SECONDS


def test_a_role_that_another_stack_makes_at_the_same_time_is_no_failure(resources, cloudformation):
    iam = resources.stubs["iam"]
    iam.add_client_error("get_role", "NoSuchEntity")
    taken = "Service role name AWSServiceRoleForECS has been taken in this account, please try"
    iam.add_client_error("create_service_linked_role", "InvalidInput", taken)
    iam.add_response("get_role", THE_ROLE, ROLE)
    resources.handler(ask_for_the_role("Create", cloudformation), resources.context)
    assert outcome(cloudformation) == "SUCCESS"
    assert resources.slept == [service_linked_role.PROPAGATION_SECONDS]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidInput"])
def test_a_role_that_may_not_be_made_fails_the_stack(resources, cloudformation, code):
    resources.stubs["iam"].add_client_error("get_role", "NoSuchEntity")
    resources.stubs["iam"].add_client_error("create_service_linked_role", code, "a boundary")
    resources.handler(ask_for_the_role("Create", cloudformation), resources.context)
    assert outcome(cloudformation) == "FAILED"
    assert "a boundary" in cloudformation.responses[0]["Reason"]


def test_a_role_that_does_not_appear_fails_the_stack_in_time(resources, cloudformation):
    resources.stubs["iam"].add_client_error("get_role", "NoSuchEntity")
    resources.stubs["iam"].add_response("create_service_linked_role", THE_ROLE, SERVICE)
    for _ in range(20):
        resources.stubs["iam"].add_client_error("get_role", "NoSuchEntity")
    resources.handler(ask_for_the_role("Create", cloudformation), resources.context)
    assert outcome(cloudformation) == "FAILED"
    assert sum(resources.slept) < TIMEOUT / 2


# ---- all of them ----
@pytest.mark.parametrize(
    "kind", ["Custom::WorkerImage", "Custom::ServiceLinkedRole", "Custom::Bucket"]
)
def test_delete_gets_its_response_at_once_and_takes_nothing_away(resources, cloudformation, kind):
    asked = request("Delete", cloudformation) | {"ResourceType": kind}
    resources.handler(asked, resources.context)
    assert outcome(cloudformation) == "SUCCESS"


def test_a_resource_keeps_its_name_whatever_changes(resources, cloudformation):
    """Else CloudFormation would replace it, and ask to delete what has just been made."""
    asked = request("Update", cloudformation) | {"PhysicalResourceId": "the first name"}
    resources.stubs["ecr"].add_response("describe_images", FOUND, IMAGE)
    resources.handler(asked, resources.context)
    assert cloudformation.responses[0]["PhysicalResourceId"] == "the first name"


@pytest.mark.parametrize(
    "wrong", [{"ResourceProperties": {}}, {"ResourceType": "Custom::SomethingElse"}]
)
def test_a_request_that_makes_no_sense_fails_the_stack_too(resources, cloudformation, wrong):
    resources.handler(request("Create", cloudformation) | wrong, resources.context)
    assert outcome(cloudformation) == "FAILED"
