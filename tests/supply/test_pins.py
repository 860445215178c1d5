"""Every package is pinned to files of known content, and nothing installs any other way."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supply import pins
from tooling.template import source

ROOT = pins.ROOT
IN_USE = [
    ROOT / "Makefile",
    ROOT / "worker" / "Makefile",
    ROOT / "worker" / "Dockerfile",
    ROOT / "template.yaml",
    *ROOT.glob(".ci/*"),
    *ROOT.glob(".github/workflows/*"),
    *ROOT.glob("local/**/Dockerfile"),
    *(
        file
        for folder in ("functions", "local", "operate")
        for file in ROOT.glob(f"{folder}/**/*.py")
    ),
]
INSTALLS = re.compile(
    r"\bpip3?\b[^\n]*\binstall\b|\bPIP\) install\b|\bpip sync\b|\bpip\", \"install"
)


@pytest.mark.parametrize("file", pins.files(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_each_line_has_a_version_and_hashes(file: Path) -> None:
    assert pins.read(file)


@pytest.mark.parametrize("file", pins.files(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_each_file_of_pins_comes_from_what_is_asked_for(file: Path) -> None:
    text = file.with_suffix(".in").read_text()
    for named in re.findall(r"(?m)^-r (\S+)", text):
        text += (file.parent / named).read_text()
    asked = re.findall(r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", text)
    pinned = {(pin.name, pin.version) for pin in pins.read(file)}
    assert asked or file.stem == "parliament"
    assert {(pins.normal(name), version) for name, version in asked} <= pinned


def test_sam_has_the_linter_that_make_lint_runs() -> None:
    """So that what `make lint` passes, `sam validate --lint` does."""
    linters = {
        pin.version
        for name in ("dev", "sam")
        for pin in pins.read(ROOT / "requirements" / f"{name}.txt")
        if pin.name == "cfn-lint"
    }
    assert len(linters) == 1


@pytest.mark.parametrize(
    "line",
    [
        "pillow",
        "pillow>=13",
        "pillow==13.0.0",
        "pillow==13.0.0 --hash=md5:0123456789abcdef0123456789abcdef",
        "-e .",
        "git+https://example.com/pillow.git",
    ],
)
def test_a_line_without_them_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "pins.txt"
    file.write_text(f"{line}\n")
    with pytest.raises(pins.NotPinned, match="has no version or no SHA-256"):
        pins.read(file)


def test_the_layers_packages_are_in_the_environment_for_development() -> None:
    """Whose metadata say their licences, and in which the job is tested."""
    dev = {(pin.name, pin.version) for pin in pins.read(ROOT / "requirements" / "dev.txt")}
    worker = [pin for file in ROOT.glob("worker/*requirements.txt") for pin in pins.read(file)]
    assert {(pin.name, pin.version) for pin in worker} <= dev


def test_no_file_of_pins_names_an_index() -> None:
    assert not [
        file for file in pins.files() if re.search("index-url|find-links", file.read_text())
    ]


def test_each_command_that_installs_asks_for_the_hashes() -> None:
    commands = [
        (file.name, file.read_text()[found.start() :][:480])
        for file in IN_USE
        for found in INSTALLS.finditer(file.read_text())
    ]
    assert [name for name, _ in commands].count("Makefile") == 4
    assert {name for name, _ in commands} == {"Makefile", "bases.py"}
    assert [command for command in commands if "--require-hashes" not in command[1]] == []


def test_the_image_installs_nothing_but_what_a_job_asks_for() -> None:
    """It copies the layer's packages, which have been checked; those that ship ask for no more."""
    whole = (ROOT / "worker/Dockerfile").read_text().replace("\\\n", "")
    installs = re.findall(r"(?m)^RUN.*\b(?:pip|apt-get|apk|curl)\b.*", whole)
    assert [line.split(" sh ")[0] for line in installs] == [
        "RUN xargs --no-run-if-empty --arg-file=/opt/packages.txt"
    ]


# ---- Images --------------------------------------------------------------------------------------

NOT_PINNED = {
    "public.ecr.aws/docker/library/python:3.13-slim": (
        "rebuilt with security fixes, which each deployment gets; what came of it is pinned by "
        "digest in the task definition"
    ),
    "aws/codebuild/amazonlinux-x86_64-standard:5.0": "CodeBuild's own; it knows no digests of them",
    "aws/codebuild/amazonlinux-aarch64-standard:3.0": "the same",
}
"""Images that are named by a tag, and why; docs/DECISIONS.md says more."""


def images_of(dockerfile: str) -> Iterator[str]:
    """What each FROM names, by the default of its argument; one that has none is the caller's."""
    defaults = dict(re.findall(r"(?m)^ARG (\w+)(?:=(\S+))?", dockerfile))
    stages = set()
    for image, stage in re.findall(r"(?im)^FROM (?:--\S+ )*(\S+)(?: AS (\S+))?", dockerfile):
        argument = re.fullmatch(r"\$\{?(\w+)\}?", image)
        image = defaults[argument[1]] if argument else image
        if image and image not in stages:
            yield image
        stages.add(stage)


def leaves(node: Any) -> Iterator[str]:
    """The alternatives of Fn::If."""
    if isinstance(node, dict):
        _, *alternatives = node["Fn::If"]
        for each in alternatives:
            yield from leaves(each)
    else:
        yield str(node)


def images() -> set[str]:
    dockerfiles = [ROOT / "worker" / "Dockerfile", *ROOT.glob("local/**/Dockerfile")]
    named = {image for file in dockerfiles for image in images_of(file.read_text())}
    resources = source()["Resources"].values()
    for each in resources:
        if each["Type"] == "AWS::CodeBuild::Project":
            named |= {*leaves(each["Properties"]["Environment"]["Image"])}
    return named


def test_each_image_is_pinned_by_digest_or_has_a_reason() -> None:
    """And a reason goes with its image."""
    by_tag = {image for image in images() if not re.search(r"@sha256:[0-9a-f]{64}$", image)}
    assert by_tag == NOT_PINNED.keys()


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM a:1\n", ["a:1"]),
        ("ARG BASE=a:1\nFROM ${BASE}\n", ["a:1"]),
        ("ARG BASE\nFROM ${BASE}\n", []),
        ("FROM --platform=linux/arm64 a:1 AS one\nFROM one\nFROM b:2\n", ["a:1", "b:2"]),
    ],
)
def test_which_images_a_dockerfile_names(dockerfile: str, expected: list[str]) -> None:
    assert [*images_of(dockerfile)] == expected


def test_a_task_runs_the_image_that_was_built_and_no_other() -> None:
    """By the digest that the build gave back, however its base is named."""
    assert (
        "!Sub ${Repository.RepositoryUri}@${WorkerImage.Digest}"
        in ((ROOT / "template.yaml").read_text().split("  TaskDefinition:\n")[1].split("\n\n")[0])
    )
