"""What `make taskcat` uploads is what `sam build` made, and nothing in it is of one region."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from operate import taskcat
from tests.multiregion.runs import HERE, REGIONS, SETTINGS
from tooling import paths

# A region, or an ARN of the partition that most people are in.
OF_ONE_PLACE = re.compile(
    r"\b(us|eu|ap|sa|ca|me|mx|af|il|cn)-(gov-)?(north|south|east|west|central)\w*-\d|arn:aws\b"
)


@pytest.fixture(scope="session")
def source(built: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml_parse((built / "template.yaml").read_text())
    return found


@pytest.fixture(scope="session")
def packaged(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / taskcat.TEMPLATE).read_text())
    return found


def test_only_the_places_of_code_differ_from_the_built_template(
    source: dict[str, Any], packaged: dict[str, Any]
) -> None:
    assert {*packaged["Parameters"]} - {*source["Parameters"]} == {
        "ArtifactBucket",
        "ArtifactPrefix",
    }
    for name, resource in source["Resources"].items():
        for property_ in ("CodeUri", "ContentUri"):
            if folder := resource["Properties"].get(property_):
                packaged["Resources"][name]["Properties"][property_] = folder
    assert packaged["Resources"] == source["Resources"]
    assert packaged.keys() == source.keys()


def test_the_artifacts_are_what_was_built(built: Path, project: Path) -> None:
    """Names, contents, and who may run them."""
    archives = {path.stem: path for path in (project / "artifacts").glob("*.zip")}
    folders = {path.name for path in built.iterdir() if path.is_dir()}
    assert archives.keys() == folders
    for name, archive in archives.items():
        with zipfile.ZipFile(archive) as opened:
            packed = {
                each.filename: (opened.read(each), each.external_attr >> 16 & 0o777)
                for each in opened.infolist()
                if not each.is_dir()
            }
        folder = built / name
        assert packed == {
            str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777)
            for path in folder.rglob("*")
            if path.is_file()
        }


def test_the_template_itself_has_no_parameters_of_the_package() -> None:
    assert "ArtifactBucket" not in paths.TEMPLATE.read_text()


def test_the_settings_fit_buckets_of_today() -> None:
    """Those made since April 2023 refuse every ACL but this one."""
    assert SETTINGS["project"]["s3_object_acl"] == "bucket-owner-full-control"
    assert SETTINGS["project"]["s3_regional_buckets"] is True
    assert SETTINGS["project"]["template"] == taskcat.TEMPLATE


def test_one_stack_of_a_region_is_deployed_at_a_time() -> None:
    """A new account may be allowed one build of an image at a time, and each stack builds one."""
    assert taskcat.runs(["--regions", "eu-central-1"]) == [
        ["--regions", "eu-central-1", f"--test-names={name}"] for name in SETTINGS["tests"]
    ]
    for asked in (["--test-names", "lambda"], ["--test-names=lambda,hybrid"], ["-t", "hybrid"]):
        assert taskcat.runs(asked) == [asked]


def test_nothing_of_the_expanded_template_is_of_one_place(project_for_moto: Path) -> None:
    """SAM adds resources and ARNs of its own; it ran as if in the first region."""
    template = json.loads((project_for_moto / taskcat.TEMPLATE).read_text())
    del template["Parameters"]  # prices are of one region, and say so
    assert OF_ONE_PLACE.findall(json.dumps(template)) == []
    assert OF_ONE_PLACE.search(f"x {REGIONS[0]} y")


@pytest.mark.parametrize("folder", ["functions", "worker"])
def test_no_code_is_of_one_place(folder: str) -> None:
    sources = [*(paths.ROOT / folder).rglob("*.py"), *(paths.ROOT / folder).rglob("*file")]
    assert sources
    assert [path for path in sources if OF_ONE_PLACE.search(path.read_text())] == []


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "host.example"])
def test_no_other_machine_can_be_reached(host: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import socket; socket.create_connection(('{host}', 9), 1)")
    ran = subprocess.run(
        [taskcat.PYTHON_TASKCAT, HERE / "loopback.py", script],
        capture_output=True,
        text=True,
        env={"PYTHONWARNINGS": "ignore"},
    )
    assert ran.returncode == 1
    assert f"ConnectionRefusedError: {host} is not on this machine" in ran.stderr
