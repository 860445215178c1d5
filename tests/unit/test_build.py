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

    def run(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> str:
        if command[0] != str(paths.SAM):
            return super().run(command, environment, cwd)
        self.ran += 1
        (folder,) = (each[len("--build-dir=") :] for each in command if "--build-dir=" in each)
        Path(folder).mkdir()
        (Path(folder) / "template.yaml").write_text(TEMPLATE)
        return ""


def test_the_template_says_the_same_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    sam = Sam()
    built = build.build(sam, "host")
    assert json.loads((built / "template.yaml").read_text()) == yaml_parse(TEMPLATE)
    assert build.build(sam, "host") == built
    assert sam.ran == 1


def test_what_was_packaged_of_a_build_comes_with_its_copies_and_with_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    folder = build.build(Sam(), "host")
    copies = [tmp_path / name for name in ("first", "second", "third")]
    build.copy("host", copies[0])
    packaged = tmp_path / "packaged"
    packaged.mkdir()
    (packaged / "0123.template").write_text("{}")
    (copies[0] / "sources.sha256").write_text("of other sources")
    build.keep(packaged, copies[0], "host")
    build.copy("host", copies[1])
    assert not (copies[1] / build.PACKAGED).exists()
    build.keep(packaged, copies[1], "host")
    build.keep(packaged, copies[1], "host")
    build.copy("host", copies[2])
    assert [path.name for path in (copies[2] / build.PACKAGED).iterdir()] == ["0123.template"]
    shutil.rmtree(folder)  # as `sam build` does at first
    build.keep(packaged, copies[1], "host")
    assert not folder.exists()
