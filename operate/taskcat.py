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

from tooling import paths
from tooling.build import build
from tooling.commands import CommandFailed, Commands
from tooling.progress import step

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


def runs(options: Sequence[str]) -> list[list[str]]:
    """The options of each run: one for each test, unless some are asked for. So no region has two
    stacks at a time, and an account that may build one image at a time is enough."""
    if any(each.startswith(("-t", "--test-names")) for each in options):
        return [[*options]]
    tests: dict[str, Any] = yaml_parse(SETTINGS.read_text())["tests"]
    return [[*options, f"--test-names={name}"] for name in tests]


def main(options: Sequence[str]) -> int:
    try:
        with step("sam build"):
            built = build(Commands(), "lambda")
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    package(built, PROJECT)
    quiet = os.environ | {"PYTHONWARNINGS": "ignore"}
    codes = []
    for number, chosen in enumerate(runs(options), 1):
        report = REPORT / str(number)
        report.mkdir(parents=True, exist_ok=True)
        command = [str(TASKCAT), *arguments(PROJECT, report), *chosen]
        codes.append(subprocess.run(command, env=quiet, check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
