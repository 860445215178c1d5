"""taskcat as the tests run it, and what it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from operate import taskcat
from tests.multiregion.account import KEYS, Stack
from tooling.build import sam_environment
from tooling.commands import Commands

HERE = Path(__file__).parent
SETTINGS: dict[str, Any] = yaml_parse(taskcat.SETTINGS.read_text())
REGIONS: list[str] = SETTINGS["project"]["regions"]
IMAGE = "worker:local"
"""An image that is there: none is built on the emulator."""


@dataclass(frozen=True)
class Taskcat:
    """taskcat on the emulator, with the user's settings and none of the user's account."""

    endpoint: str
    project: Path
    folder: Path

    def run(self, report: Path, overrides: dict[str, str], *options: str) -> str:
        """Deploy; gives what it says. Raises CommandFailed."""
        work = report.with_suffix(".work")
        work.mkdir()
        (work / ".taskcat_overrides.yml").write_text(json.dumps(overrides))
        command = [
            str(taskcat.PYTHON_TASKCAT),
            str(HERE / "loopback.py"),
            str(taskcat.TASKCAT),
            *taskcat.arguments(self.project, report),
            "--minimal-output",
            "--no-delete",  # the tests look at what it made
            "--enable-sig-v2",  # moto overlooks the conditions of the policy that refuses it
            *options,
        ]
        environment = sam_environment(
            HOME=str(work),
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_ACCESS_KEY_ID=KEYS["aws_access_key_id"],
            AWS_SECRET_ACCESS_KEY=KEYS["aws_secret_access_key"],
            AWS_DEFAULT_REGION=REGIONS[0],
            AWS_MAX_ATTEMPTS="1",
            AWS_EC2_METADATA_DISABLED="true",
        )
        return Commands().run(command, environment, work)


@dataclass(frozen=True)
class Deployed:
    """What a run of taskcat left."""

    report: Path
    stacks: dict[tuple[str, str], Stack]
    """By name of the test and region."""
