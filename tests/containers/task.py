"""The template's task definition as options of `docker run`, so that a test runs what ECS would."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tests.template.synthesis import FARGATE, synthesize


@functools.cache
def definition() -> dict[str, Any]:
    return synthesize(FARGATE).only("AWS::ECS::TaskDefinition")


def container() -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = definition()["ContainerDefinitions"]
    return found


def stop_timeout() -> int:
    """Seconds from SIGTERM to SIGKILL."""
    return int(container()["StopTimeout"])


def _linux_parameters(value: dict[str, Any]) -> list[str]:
    options = [f"--cap-drop={name}" for name in value.pop("Capabilities")["Drop"]]
    options += ["--init"] if value.pop("InitProcessEnabled") else []
    assert not value, f"say what docker run calls {value}"
    return options


OPTIONS: dict[str, Callable[[Any], list[str]]] = {
    "User": lambda value: [f"--user={value}"],
    "ReadonlyRootFilesystem": lambda value: ["--read-only"] if value else [],
    "LinuxParameters": lambda value: _linux_parameters(dict(value)),
    # A volume without a name is the task's own, and has owner and mode of the image's.
    "MountPoints": lambda value: [f"--volume={each['ContainerPath']}" for each in value],
    "StopTimeout": lambda value: [f"--stop-timeout={value}"],
    "Environment": lambda value: [f"--env={each['Name']}={each['Value']}" for each in value],
    # Nothing of `docker run` goes with these.
    "Name": lambda value: [],
    "Image": lambda value: [],
    "Essential": lambda value: [],
    "LogConfiguration": lambda value: [],
}


def docker_options() -> list[str]:
    """User, limits, rights and settings of the task's container. What has no option here is an
    error, so that nothing of the definition is left out unnoticed."""
    options = [
        f"--memory={definition()['Memory']}m",
        f"--cpus={int(definition()['Cpu']) / 1024}",
        # The job needs no more rights than it starts with; Fargate has no setting for it.
        "--security-opt=no-new-privileges",
    ]
    for name, value in container().items():
        options += OPTIONS[name](value)
    return options
