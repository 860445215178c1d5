"""The Makefile: what each target's commands see of the user's settings."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def make(*arguments: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in REGIONS}
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        env=kept | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("settings", "region"),
    [
        ({}, "none"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-3"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_every_command_sees_the_region_that_aws_cli_would_take(
    settings: dict[str, str], region: str
) -> None:
    rule = "show: ; @echo $${AWS_DEFAULT_REGION-none}"
    assert make("--eval", rule, "show", **settings).strip() == region
    assert (
        make("--eval", rule, "show", *(f"{n}={v}" for n, v in settings.items())).strip() == region
    )


def test_no_command_compiles_anew_what_it_imports() -> None:
    rule = "show: ; @echo $${PYTHONDONTWRITEBYTECODE-none}"
    assert make("--eval", rule, "show", PYTHONDONTWRITEBYTECODE="1").strip() == "none"


def test_a_deployment_goes_to_that_region_whatever_samconfig_says() -> None:
    (command,) = re.findall(
        r"^\S+/sam deploy (?:.*\\\n)*.*",
        make("-n", "deploy", "MODE=lambda", AWS_REGION="eu-west-3"),
        re.M,
    )
    assert '--region "eu-west-3"' in command


def test_a_deployment_begins_with_the_preflight_and_looks_again_at_what_was_built() -> None:
    said = make("-n", "deploy", "MODE=fargate", "STACK=mine", "PARAMETERS=Network=public")
    order = re.findall(r"operate\.preflight .*|sam build|sam deploy", said)
    parameters = "Mode=fargate EventSource=s3 Architecture=x86_64 Network=public"
    assert order == [
        f'operate.preflight "mine" {parameters}',
        "sam build",
        f'operate.preflight "mine" --built .aws-sam/build {parameters}',
        "sam deploy",
    ]


@pytest.mark.parametrize(
    "key",
    ["input/a b.png", "input/$HOME `id` $(id).png", "input/'\"\\.png", "input/ü\u2028.png", "-x"],
)
@pytest.mark.parametrize("as_argument", [True, False])
def test_the_key_of_status_arrives_as_it_was_typed(
    tmp_path: Path, key: str, as_argument: bool
) -> None:
    """Whatever make and the shell would take it for."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    typed = {"KEY": key}
    arguments = [f"{name}={value}" for name, value in typed.items()] if as_argument else []
    said = make(
        *("-o", "setup", f"DEV={tmp_path}", "status", "STACK=mine", *arguments),
        **({} if as_argument else typed),
    )
    assert said.split("\n") == ["-m", "operate.status", "mine", f"--key={key}", ""]
