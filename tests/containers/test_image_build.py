"""The build of the worker's image as the stack's function starts it, for real: the layer from the
embedded AWS with the rights of the build's own role, Docker, a registry, and the response that
CloudFormation waits for.

CodeBuild's part is played by `Build`. The layer's Dockerfile names the base image that there is on
this machine; the rest of the layer is what `sam build` made.
"""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import image
import pytest
import yaml

from local.aws import REGION, EmbeddedAws
from tests.containers.containers import Container, docker
from tests.containers.task import docker_options
from tests.containers.test_layer import assert_solved
from tests.support.cloudformation import REPEATED_FIELDS, CloudFormation, cloudformation, request
from tests.template.synthesis import PSEUDO, synthesize
from tooling import paths

TOOLS = ["curl", "docker-registry", "jq", "openssl", "unzip"]
AWS_CLI = paths.BUILD / "env" / "awscli" / "bin"
BUILD_ID = "project:a-build"

Start = Callable[[str], dict[str, Any]]
"""Build the image of a layer version; gives the response that CloudFormation got."""
Publish = Callable[..., str]
"""Publish a version of the layer, with more lines in its Dockerfile and Debian packages of a job;
gives its ARN."""


@pytest.fixture(scope="module", autouse=True)
def _tools(_docker: None) -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")


@dataclass(frozen=True)
class Build:
    """CodeBuild: the environment that the project and the function make, and the commands."""

    folder: Path
    environment: dict[str, str]
    server: CloudFormation

    def run(self, buildspec: str, variables: dict[str, str]) -> dict[str, Any]:
        """Run the command; gives the one response that CloudFormation got."""
        (command,) = yaml.safe_load(buildspec)["phases"]["build"]["commands"]
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env={**self.environment, **variables, "CODEBUILD_BUILD_ID": BUILD_ID},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        print(done.stdout)
        (response,) = self.server.responses
        assert (done.returncode == 0) == (response["Status"] == "SUCCESS")
        return response


@pytest.fixture(scope="module")
def registry_password(aws: EmbeddedAws) -> str:
    """Good for as long as the embedded AWS runs."""
    data = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert user == "AWS"
    return password


@pytest.fixture(scope="module")
def registry(registry_password: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that lets in whoever has the password of the embedded AWS; gives its address."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "htpasswd").write_text(f"AWS:{bcrypt(registry_password)}\n")
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": address},
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(settings))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
    try:
        wait_until_it_refuses(address)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def bcrypt(password: str) -> str:
    """The one kind of hash that the registry takes, by the system's own library."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt"))
    library.crypt.restype = ctypes.c_char_p
    hashed: bytes = library.crypt(password.encode(), b"$2b$05$" + b"abcdefghijklmnopqrstuu")
    return hashed.decode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_it_refuses(address: str, seconds: float = 30) -> None:
    """A registry that listens, and wants a password."""
    ends = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"http://{address}/v2/", timeout=5).close()
        except urllib.error.HTTPError as error:
            assert error.code == 401
            return
        except urllib.error.URLError:
            assert time.monotonic() < ends, f"no registry within {seconds} s"
            time.sleep(0.05)
        else:
            raise AssertionError("it let in somebody without a password")


@pytest.fixture(scope="module")
def credentials(aws: EmbeddedAws) -> dict[str, str]:
    """Somebody with the policies of the build's role and no others; the emulator enforces them."""
    iam = aws.client("iam")
    account = aws.client("sts").get_caller_identity()["Account"]
    iam.create_user(UserName="build")
    stack = synthesize({"Mode": "fargate"})
    policies = {
        each["PolicyName"]: json.dumps(each["PolicyDocument"])
        for each in stack["ImageBuildRole"]["Policies"]
    }
    for name, document in policies.items():
        for part, real in {"Partition": "aws", "Region": REGION, "AccountId": account}.items():
            document = document.replace(PSEUDO[f"AWS::{part}"], real)
        document = re.sub(r"<(\w+)\.Arn>", rf"arn:aws:any:{REGION}:{account}:\1", document)
        iam.put_user_policy(UserName="build", PolicyName=name, PolicyDocument=document)
    key = iam.create_access_key(UserName="build")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


@pytest.fixture
def server() -> Iterator[CloudFormation]:
    with cloudformation() as started:
        yield started


@pytest.fixture
def build(
    aws: EmbeddedAws,
    registry: str,
    credentials: dict[str, str],
    server: CloudFormation,
    tmp_path: Path,
) -> Iterator[Build]:
    environment = {
        **credentials,
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "PATH": f"{tmp_path / 'bin'}:{AWS_CLI}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(tmp_path),
        # Where `docker login` keeps the password.
        "DOCKER_CONFIG": str(tmp_path / ".docker"),
    }
    image_build = synthesize({"Mode": "fargate"})["ImageBuild"]
    for variable in image_build["Environment"]["EnvironmentVariables"]:
        environment[variable["Name"]] = variable["Value"]
    assert environment["REPOSITORY_URI"] == "<Repository.RepositoryUri>"
    environment["REPOSITORY_URI"] = f"{registry}/worker"
    (tmp_path / "bin").mkdir()
    (tmp_path / "build").mkdir()
    yield Build(tmp_path / "build", environment, server)
    forget(environment["REPOSITORY_URI"])


def forget(repository: str) -> None:
    """Take these names from Docker's images, which may have others, too."""
    names = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    listed = docker("image", "ls", "--digests", f"--format={names}", repository).split()
    if known := [name for name in listed if "<none>" not in name]:
        docker("rmi", "--force", *known)
    assert docker("image", "ls", "--quiet", repository) == ""


@pytest.fixture
def publish(aws: EmbeddedAws, layer: Path, worker_base: str, tmp_path: Path) -> Publish:
    def put(*more: str, packages: str = "") -> str:
        folder = tmp_path / "layer"
        shutil.copytree(layer, folder)
        dockerfile = (folder / "Dockerfile").read_text()
        recipe, replaced = re.subn(r"(?m)^ARG BASE=.*", f"ARG BASE={worker_base}", dockerfile)
        assert replaced == 1
        (folder / "Dockerfile").write_text("\n".join([recipe, *more]))
        (folder / "packages.txt").write_text(packages)
        archive = Path(shutil.make_archive(str(tmp_path / "layer"), "zip", folder))
        published = aws.client("lambda").publish_layer_version(
            LayerName=PSEUDO["AWS::StackName"], Content={"ZipFile": archive.read_bytes()}
        )
        return str(published["LayerVersionArn"])

    return put


@pytest.fixture
def start(build: Build, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a build of a layer version, as functions/resources does it for CloudFormation."""
    responses: list[dict[str, Any]] = []

    class CodeBuild:
        def start_build(
            self, *, projectName: str, buildspecOverride: str, environmentVariablesOverride: Any
        ) -> None:
            assert projectName == "project"
            chosen = {each["name"]: each["value"] for each in environmentVariablesOverride}
            responses.append(build.run(buildspecOverride, chosen))

        exceptions = SimpleNamespace(AccountLimitExceededException=RuntimeError)

    class Ecr:
        """A repository without images."""

        exceptions = SimpleNamespace(ImageNotFoundException=LookupError)

        def describe_images(self, **_: object) -> None:
            raise LookupError

    clients = {"codebuild": CodeBuild(), "ecr": Ecr()}
    monkeypatch.setattr(image, "boto3", SimpleNamespace(client=clients.__getitem__))
    monkeypatch.setenv("PROJECT", "project")
    monkeypatch.setenv("REPOSITORY", "repository")

    def begin(layer: str) -> dict[str, Any]:
        image.make(request("Create", build.server, layer), REPEATED_FIELDS, None)
        return responses[-1]

    return begin


def test_the_image_that_the_stack_builds_does_the_job(
    build: Build,
    publish: Publish,
    start: Start,
    tmp_path: Path,
) -> None:
    response = start(publish())
    digest = response["Data"]["Digest"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    assert response == {
        "StackId": "a stack",
        "RequestId": "a request",
        "LogicalResourceId": "WorkerImage",
        "PhysicalResourceId": "WorkerImage",
        "Status": "SUCCESS",
        "Reason": "",
        "Data": {"Digest": digest},
    }
    by_digest = f"{build.environment['REPOSITORY_URI']}@{digest}"  # as the task definition has it
    forget(build.environment["REPOSITORY_URI"])
    subprocess.run(["docker", "pull", by_digest], env=build.environment, check=True, timeout=120)
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "maze.png").write_bytes(paths.SAMPLE.read_bytes())
    options = [*docker_options(), f"--volume={folder}:/shared"]
    with Container(by_digest, options, ["/shared/maze.png", "/shared/output.png"]) as container:
        ended = container.wait()
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert_solved(folder)


def test_it_has_the_debian_packages_of_the_job(
    build: Build, publish: Publish, start: Start
) -> None:
    response = start(publish(packages="file\n"))
    if "Temporary failure resolving" in response["Reason"]:
        pytest.skip("no archive of Debian can be reached")
    assert response["Status"] == "SUCCESS", response["Reason"]
    by_digest = f"{build.environment['REPOSITORY_URI']}@{response['Data']['Digest']}"
    assert docker("run", "--rm", "--entrypoint=file", by_digest, "--version").startswith("file-")


def test_a_package_that_debian_lacks_fails_the_stack(publish: Publish, start: Start) -> None:
    assert_failed(start(publish(packages="no-such-package\n")), "apt-get")


def assert_failed(response: dict[str, Any], *reasons: str) -> None:
    """The stack fails, and says why; it has no digest to go on with."""
    assert (response["Status"], response["Data"]) == ("FAILED", {"Digest": ""})
    assert BUILD_ID in response["Reason"]
    for reason in reasons:
        assert reason in response["Reason"]
    assert len(json.dumps(response)) < 4096, "the longest response that CloudFormation takes"


def test_a_layer_that_arrives_damaged_is_not_built(
    build: Build,
    publish: Publish,
    start: Start,
) -> None:
    damaging = build.folder.parent / "bin" / "curl"
    damaging.write_text(
        f'#!/bin/sh\n{shutil.which("curl")} "$@" || exit\n'
        'case "$*" in *layer.zip*) printf x >> layer.zip ;; esac\n'
    )
    damaging.chmod(0o755)
    response = start(publish())
    assert_failed(response, "does not have the hash")
    assert not (build.folder / "layer").exists()


def test_a_failing_docker_build_fails_the_stack(
    build: Build,
    publish: Publish,
    start: Start,
) -> None:
    assert_failed(start(publish("COPY missing /")), "missing", "not found")


def test_a_registry_that_does_not_respond_fails_the_stack(
    build: Build,
    publish: Publish,
    start: Start,
) -> None:
    build.environment["REPOSITORY_URI"] = f"127.0.0.1:{free_port()}/worker"
    response = start(publish())
    assert_failed(response, "connection refused")


def test_a_layer_that_is_not_there_fails_the_stack(
    build: Build,
    publish: Publish,
    start: Start,
) -> None:
    version = publish().rsplit(":", 1)[0] + ":999"
    assert_failed(start(version), "ResourceNotFound")
