"""What runs functions and tasks: a Docker engine where one answers, else processes."""

from __future__ import annotations

import enum
import os
import shutil
import subprocess
from urllib.parse import urlsplit

WORKER_IMAGE = "worker:local"
"""As `make image` names it."""
LAMBDA_IMAGE = "public.ecr.aws/lambda/python:3.13"


class Engine(enum.StrEnum):
    """How containers run."""

    PROCESS = "process"
    DOCKER = "docker"

    @property
    def layer_target(self) -> str:
        """What the layer must be built for (worker/Makefile)."""
        return "lambda" if self is Engine.DOCKER else "host"

    @property
    def worker_image(self) -> str:
        """What WorkerImageUri is. Processes run the layer itself, whatever the image's name."""
        return WORKER_IMAGE

    def address_for_jobs(self, endpoint: str) -> str:
        """The emulator's address, as functions and tasks reach it."""
        if self is Engine.PROCESS:
            return endpoint
        return f"http://host.docker.internal:{urlsplit(endpoint).port}"

    def describe(self) -> str:
        """One line for whoever looks on."""
        if self is Engine.DOCKER:
            return f"functions and tasks run in containers ({LAMBDA_IMAGE}, {WORKER_IMAGE})"
        return f"functions and tasks run as processes: {missing()}"


def detect() -> Engine:
    """Docker when the engine answers and both images are there."""
    return Engine.PROCESS if missing() else Engine.DOCKER


def missing() -> str:
    """What containers lack here; empty when nothing."""
    docker = shutil.which("docker")
    if docker is None:
        return "there is no Docker here"
    if not _answers(docker, "version"):
        return "no Docker engine answers"
    for image in (LAMBDA_IMAGE, WORKER_IMAGE):
        if not _answers(docker, "image", "inspect", image):
            return f"the Docker engine has no image {image}"
    return ""


def _answers(docker: str, *arguments: str) -> bool:
    try:
        done = subprocess.run(
            [docker, *arguments], capture_output=True, timeout=10, check=False, env=os.environ
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
