"""What runs functions and tasks: Docker containers, or processes of this machine."""

from __future__ import annotations

import errno
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tooling import build

from .bases import lambda_base_here
from .emulator import isolation

WORKER_IMAGE = "worker:local"
"""As `make image` names it."""
LAYER_LABEL = "layer"
"""Of the worker's image: the digest of the sources of the layer that is in it."""


@dataclass(frozen=True)
class Executor:
    """How functions and tasks run, and from which images."""

    name: str
    """process | docker"""
    worker_image: str = WORKER_IMAGE
    """WorkerImageUri. Processes run the layer itself, whatever the image's name."""
    function_image: str = ""

    @property
    def layer_target(self) -> str:
        """What the layer must be built for (worker/Makefile)."""
        return "lambda" if self.name == "docker" else "host"

    def address_for_jobs(self, endpoint: str) -> str:
        """The emulator's address, as functions and tasks reach it."""
        if self.name == "process":
            return endpoint
        return f"http://host.docker.internal:{urlsplit(endpoint).port}"

    def describe(self, job: Path | None = None) -> str:
        """One line for whoever looks on: what it is, and how to get containers of the job."""
        if self.name == "docker":
            images = f"{self.function_image}, {self.worker_image}"
            return f"functions and tasks run in containers ({images})"
        said = f"functions and tasks run as processes: {no_docker() or no_images(job)}"
        if not no_docker():
            said += f"; for containers: make image{f' JOB={job}' if job else ''}"
        if reason := isolation.problem():
            said += f"; tasks may write wherever you may, unlike a container ({reason})"
        return said


PROCESSES = Executor("process")


def containers(worker_image: str = WORKER_IMAGE, function_image: str = "") -> Executor:
    """Containers of these images."""
    return Executor("docker", worker_image, function_image)


def detect(job: Path | None = None) -> Executor:
    """Containers when Docker responds and has the images that `make image` makes of the job."""
    if no_docker() or no_images(job):
        return PROCESSES
    return containers(function_image=lambda_base_here() or "")


def no_docker() -> str:
    """Why containers can't run here; empty when they can."""
    if not shutil.which("docker"):
        return "there is no Docker here"
    if _docker("version") is None:
        return "Docker does not respond"
    # In a virtual machine of this one, it forwards host.docker.internal to loopback.
    virtual = sys.platform != "linux" or _docker("info", "--format={{.OperatingSystem}}") == (
        "Docker Desktop"
    )
    if not virtual and bridge_address() is None:
        return "Docker is on another machine, from where containers can't reach this one"
    return ""


def no_images(job: Path | None = None) -> str:
    """Which image Docker lacks; empty when none."""
    label = f'--format={{{{index .Config.Labels "{LAYER_LABEL}"}}}}'
    layer = _docker("image", "inspect", label, WORKER_IMAGE)
    if layer is None:
        return f"there is no image {WORKER_IMAGE}"
    if layer != build.layer_digest(job):
        what = f"of the worker with {job}" if job else "of the worker as it is now"
        return f"the image {WORKER_IMAGE} is not {what}"
    if lambda_base_here() is None:
        return "there is no image to run functions in"
    return ""


def bridge_address() -> str | None:
    """This machine's address on the bridge: host.docker.internal in containers. None when the
    bridge is on another machine, a virtual one at least."""
    networks = "--format={{range .IPAM.Config}}{{println .Subnet .Gateway}}{{end}}"
    for line in (_docker("network", "inspect", networks, "bridge") or "").splitlines():
        subnet, *gateway = line.split()
        # Docker that has just made its bridge names no gateway (20.10): it is the first address.
        address = gateway[0] if gateway else str(next(ipaddress.ip_network(subnet).hosts()))
        if ipaddress.ip_address(address).version == 4 and _is_of_this_machine(address):
            return address
    return None


def docker_environment() -> dict[str, str]:
    """What a Docker client needs in its environment to find the Docker that `docker` talks to."""
    kept = ("DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    if host := _docker("context", "inspect", "--format={{.Endpoints.docker.Host}}"):
        found["DOCKER_HOST"] = host
    return found


def remove_containers(label: str) -> None:
    """Remove the containers with this label, in whatever state."""
    if found := (_docker("ps", "--all", "--quiet", f"--filter=label={label}") or "").split():
        _docker("rm", "--force", "--volumes", *found)


def _is_of_this_machine(address: str) -> bool:
    try:
        socket.create_server((address, 0)).close()
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return False
        raise
    return True


def _docker(*arguments: str) -> str | None:
    """What a docker command says; None when it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=60, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
