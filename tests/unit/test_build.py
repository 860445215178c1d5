"""What the embedded AWS deploys: as `sam build` makes it, in JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from tooling import build, paths
from tooling.commands import Commands

TEMPLATE = "Resources:\n  Name: &name !Sub '${A}-b'\n  Again: *name\n  Version: '2012-10-17'\n"


class Sam(Commands):
    """`sam build` of a template that it leaves as it is."""

    ran = 0
    source = Path()

    def run(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> str:
        if command[0] != str(paths.SAM):
            return super().run(command, environment, cwd)
        self.ran += 1
        options = dict(each.split("=", 1) for each in command if each.startswith("--"))
        self.source = Path(options["--template-file"])
        folder = Path(options["--build-dir"])
        folder.mkdir()
        (folder / "template.yaml").write_text(TEMPLATE)
        for part in ("Function", build.LAYER):
            (folder / part).mkdir()
            (folder / part / "code").write_text("1")
        return ""


def test_the_template_says_the_same_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    sam = Sam()
    built = build.build(sam, "host")
    assert json.loads(sam.source.read_text()) == yaml_parse(paths.TEMPLATE.read_text())
    assert json.loads((built / "template.yaml").read_text()) == yaml_parse(TEMPLATE)
    assert build.build(sam, "host") == built
    assert sam.ran == 1


def test_a_build_that_lacks_the_packed_layer_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As builds of an older version do."""
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    built = build.build(Sam(), "host")
    (built / build.PACKED_LAYER).unlink()
    assert not build.is_built("host")


def test_for_aws_it_is_built_from_what_users_build_it_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    sam = Sam()
    build.build(sam, "lambda")
    assert sam.source == paths.TEMPLATE


def test_what_is_packaged_of_a_build_is_kept_for_any_layer_until_template_or_code_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    folder = build.build(Sam(), "host")
    built = tmp_path / "built"
    build.copy("host", built)
    with build.packaging(built, "host") as kept:
        assert not kept.exists()
        kept.mkdir(parents=True)
    shutil.rmtree(folder)  # as `sam build` does at first
    (built / build.LAYER / "code").write_text("2")
    with build.packaging(built, "host") as again:
        assert again.exists()
    for changed in ("Function/code", "template.yaml"):
        (built / changed).write_text("2")
        with build.packaging(built, "host") as of_newer:
            assert not of_newer.exists()
            assert not kept.exists()
            kept = of_newer
            kept.mkdir(parents=True)


@pytest.mark.parametrize("as_links", [False, True])
def test_a_later_build_changes_nothing_in_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_links: bool
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    folder = build.build(Sam(), "host")
    older = tmp_path / "older"
    build.copy("host", older, as_links=as_links)
    before = (older / "template.yaml").read_text()
    assert (older / "template.yaml").samefile(folder / "template.yaml") == as_links
    (folder / "sources.sha256").unlink()
    shutil.rmtree(folder)  # as `sam build` does at first
    monkeypatch.setattr("tests.unit.test_build.TEMPLATE", "Resources: {}")
    build.build(Sam(), "host")
    assert (folder / "template.yaml").read_text() != before
    assert (older / "template.yaml").read_text() == before
