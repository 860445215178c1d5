"""The custom resource that starts the image's build: what it answers itself, what it hands on."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber
from cloudformation import ANSWERED_FIELDS, LAYER, CloudFormation, request
from cloudformation import cloudformation as cloudformation_server


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with cloudformation_server() as server:
        yield server


@pytest.fixture
def builder(monkeypatch):
    """The function, with the AWS clients stubbed at botocore's own seam."""
    monkeypatch.setenv("REPOSITORY", "repository")
    monkeypatch.setenv("PROJECT", "project")
    path = Path(__file__).parents[2] / "functions/image/app.py"
    spec = importlib.util.spec_from_file_location("image_app", path)
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    clients = {
        name: boto3.client(
            name, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s"
        )
        for name in ("ecr", "codebuild")
    }
    app.stubs = {name: Stubber(client) for name, client in clients.items()}
    monkeypatch.setattr(app.boto3, "client", clients.__getitem__)
    for stub in app.stubs.values():
        stub.activate()
    yield app
    for stub in app.stubs.values():
        stub.assert_no_pending_responses()


IMAGE = {"repositoryName": "repository", "imageIds": [{"imageTag": "7"}]}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_new_layer_starts_a_build_that_can_answer(builder, cloudformation, kind):
    asked = request(kind, cloudformation)
    builder.stubs["ecr"].add_client_error("describe_images", "ImageNotFoundException")
    expected = {
        "LAYER_VERSION_ARN": LAYER,
        "IMAGE_TAG": "7",
        "RESPONSE_URL": asked["ResponseURL"],
        "RESPONSE": json.dumps(ANSWERED_FIELDS),
    }
    builder.stubs["codebuild"].add_response(
        "start_build",
        {},
        {
            "projectName": "project",
            "environmentVariablesOverride": [
                {"name": name, "value": value, "type": "PLAINTEXT"}
                for name, value in expected.items()
            ],
        },
    )
    builder.handler(asked, None)
    assert cloudformation.answers == []


def test_an_image_that_is_there_is_not_built_again(builder, cloudformation):
    found = {"imageDetails": [{"imageDigest": "sha256:0"}]}
    builder.stubs["ecr"].add_response("describe_images", found, IMAGE)
    builder.handler(request("Update", cloudformation), None)
    answer = {"Status": "SUCCESS", "Reason": "", "Data": {"Digest": "sha256:0"}}
    assert cloudformation.answers == [ANSWERED_FIELDS | answer]


def test_delete_is_answered_at_once(builder, cloudformation):
    builder.handler(request("Delete", cloudformation), None)
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]


def test_the_resource_keeps_its_name_when_the_repository_changes(builder, cloudformation):
    """Else CloudFormation would replace it, and ask to delete what has just been made."""
    asked = request("Update", cloudformation) | {"PhysicalResourceId": "the first repository"}
    builder.stubs["ecr"].add_response(
        "describe_images", {"imageDetails": [{"imageDigest": "sha256:0"}]}, IMAGE
    )
    builder.handler(asked, None)
    assert cloudformation.answers[0]["PhysicalResourceId"] == "the first repository"


def test_a_build_that_does_not_start_fails_the_stack_with_the_reason(builder, cloudformation):
    builder.stubs["ecr"].add_client_error("describe_images", "ImageNotFoundException")
    builder.stubs["codebuild"].add_client_error(
        "start_build", "AccountLimitExceededException", "too many builds"
    )
    builder.handler(request("Create", cloudformation), None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "too many builds" in answer["Reason"]


def test_a_request_without_a_layer_fails_the_stack_too(builder, cloudformation):
    asked = request("Create", cloudformation)
    asked["ResourceProperties"] = {}
    builder.handler(asked, None)
    assert [answer["Status"] for answer in cloudformation.answers] == ["FAILED"]
