"""Every package is pinned to files of known content, and nothing installs any other way."""

import re
from pathlib import Path

import pytest

from supply import pins

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
    asked = re.findall(
        r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", file.with_suffix(".in").read_text()
    )
    pinned = {(pin.name, pin.version) for pin in pins.read(file)}
    assert asked or file.stem == "parliament"
    assert {(pins.normal(name), version) for name, version in asked} <= pinned


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


def test_the_image_installs_nothing() -> None:
    """It copies the layer's packages, which have been checked."""
    assert not re.search(
        r"(?m)^RUN.*\b(pip|apt|apk|curl)\b", (ROOT / "worker/Dockerfile").read_text()
    )
