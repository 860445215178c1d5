"""`make taskcat`: deploy the template in the regions of .taskcat.yml, on your own AWS account.

taskcat uploads a folder to a bucket in each region and deploys a template from there. That folder
is made here: the built template with its code in zip files. All arguments are those of
`taskcat test run`, such as `--test-names lambda --regions us-east-1`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from . import paths
from .build import build
from .commands import CommandFailed, Commands
from .progress import step

SETTINGS = paths.ROOT / ".taskcat.yml"
TEMPLATE = "template.json"
"""As the settings name it."""
TASKCAT = paths.BUILD / "env" / "taskcat" / "bin" / "taskcat"
PYTHON_TASKCAT = TASKCAT.with_name("python")
PROJECT = paths.BUILD / "taskcat"
REPORT = paths.BUILD / "taskcat-report"

_CODE = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
"""Where each type of resource says what its code is."""
_PARAMETERS = {
    "ArtifactBucket": "Bucket of the code, in the region of the stack.",
    "ArtifactPrefix": "What the keys of the code start with.",
}


def package(built: Path, project: Path) -> None:
    """Make taskcat's project folder of what `sam build` left in `built`."""
    shutil.rmtree(project, ignore_errors=True)
    artifacts = project / "artifacts"
    artifacts.mkdir(parents=True)
    template: dict[str, Any] = yaml_parse((built / "template.yaml").read_text())
    for name, description in _PARAMETERS.items():
        template["Parameters"][name] = {"Type": "String", "Description": description}
    for resource in template["Resources"].values():
        if property_ := _CODE.get(resource["Type"]):
            folder = resource["Properties"][property_]
            shutil.make_archive(str(artifacts / folder), "zip", built / folder)
            resource["Properties"][property_] = {
                "Bucket": {"Ref": "ArtifactBucket"},
                "Key": {"Fn::Sub": f"${{ArtifactPrefix}}artifacts/{folder}.zip"},
            }
    (project / TEMPLATE).write_text(json.dumps(template, indent=1))


def arguments(project: Path, report: Path) -> list[str]:
    """What taskcat is called with to deploy a packaged project.

    No lint, which is `make lint`'s affair.
    """
    return [
        "test",
        "run",
        f"--project-root={project}",
        f"--input-file={SETTINGS}",
        f"--output-directory={report}",
        "--lint-disable",
    ]


def main(options: Sequence[str]) -> int:
    try:
        with step("sam build"):
            built = build(Commands(), "lambda")
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    package(built, PROJECT)
    command = [str(TASKCAT), *arguments(PROJECT, REPORT), *options]
    quiet = os.environ | {"PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, env=quiet, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
