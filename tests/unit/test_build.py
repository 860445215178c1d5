"""What the embedded AWS deploys: as `sam build` makes it, in JSON."""

from __future__ import annotations

import json
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
