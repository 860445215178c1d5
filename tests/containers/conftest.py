"""What the tests in containers share: Docker, an embedded AWS, the layer, images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import bases
from local.aws import EmbeddedAws
from local.executor import containers, no_docker
from tests.containers.containers import Container, docker
from tests.containers.task import docker_options
from tooling import paths

IMAGE = f"worker:containers-{os.getpid()}"
"""One a process: several may run tests here at a time."""
BUCKET = "uploads"
"""As the sample events name it."""

Job = Callable[..., Container]


@pytest.fixture(scope="session", autouse=True)
def _docker() -> None:
    if reason := no_docker():
        pytest.skip(f"needs Docker: {reason}")


@pytest.fixture(scope="session")
def worker_base(_docker: None) -> str:
    return _base(bases.worker_base)


@pytest.fixture(scope="session")
def lambda_base(_docker: None) -> str:
    return _base(bases.lambda_base)


def _base(find: Callable[[], str]) -> str:
    try:
        return find()
    except bases.NoBase as error:
        pytest.skip(f"no base image: {error}")


@pytest.fixture(scope="session")
def aws(_docker: None) -> Iterator[EmbeddedAws]:
    """One where containers reach it, with the layer as the real `sam build` makes it for AWS."""
    with EmbeddedAws(containers()) as started:
        s3 = started.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield started


@pytest.fixture(scope="session")
def layer(aws: EmbeddedAws) -> Path:
    return aws.layer


@pytest.fixture(scope="session")
def image(layer: Path, worker_base: str) -> Iterator[str]:
    docker("build", f"--tag={IMAGE}", f"--build-arg=BASE={worker_base}", str(layer), seconds=300)
    yield IMAGE
    docker("rmi", "--force", IMAGE)


@pytest.fixture
def upload(aws: EmbeddedAws) -> Callable[[str, bytes], str]:
    """Upload to the bucket; gives the upload's version."""

    def put(key: str, body: bytes) -> str:
        return str(aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"])

    return put


@pytest.fixture
def job(aws: EmbeddedAws, image: str) -> Job:
    """Start the task's container for an upload, as the template's rule has ECS do it.

    `options` come last, so that they win over those of the task definition.
    """

    def start(key: str, *options: str) -> Container:
        environment = {
            "S3_BUCKET": BUCKET,
            "S3_KEY": key,
            "AWS_ENDPOINT_URL_S3": aws.executor.address_for_jobs(aws.endpoint),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        host = "--add-host=host.docker.internal:host-gateway"
        return Container(image, [*docker_options(), *variables, host, *options])

    return start


@pytest.fixture(scope="session")
def sample() -> bytes:
    return paths.SAMPLE.read_bytes()


@pytest.fixture
def current(aws: EmbeddedAws) -> Callable[[str], dict[str, Any] | None]:
    """The current version of a key: its body and metadata."""

    def get(key: str) -> dict[str, Any] | None:
        try:
            found = aws.client("s3").get_object(Bucket=BUCKET, Key=key)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey"
            return None
        return {"body": found["Body"].read(), "metadata": found["Metadata"]}

    return get
