"""The layer's bill of materials: all that is in the layer, in a form that other tools read."""

import json
import subprocess
from importlib.metadata import distributions
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from supply import pins
from tests.support.supply import ENVIRONMENT, tool

LAYER = pins.ROOT / "build" / "sam-lambda" / "ProcessingLayer" / "python"
GPL_AND_LGPL = ("libimagequant", "FriBiDi")


def run(*arguments: str) -> str:
    """What a process of the supply's environment prints."""
    command = [tool("python"), *arguments]
    ran = subprocess.run(command, cwd=pins.ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def bom() -> dict[str, Any]:
    run("-m", "supply.sbom")
    bill: dict[str, Any] = json.loads((pins.ROOT / "build" / "sbom.json").read_text())
    return bill


def by_name(bom: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in bom["components"]}


def test_it_follows_the_schema(bom: dict[str, Any]) -> None:
    """Which comes with the library; read by another one than that."""
    folder = next(ENVIRONMENT.glob("lib/*/site-packages/cyclonedx/schema/_res"))
    schemas = {file.name: json.loads(file.read_text()) for file in folder.glob("*.schema.json")}
    registry = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}", Resource.from_contents(schema))
        for name, schema in schemas.items()
    )
    schema = schemas["bom-1.6.SNAPSHOT.schema.json"]
    validator = jsonschema.Draft7Validator(schema, registry=registry)
    assert [error.message for error in validator.iter_errors(bom)] == []
    assert [*validator.iter_errors(bom | {"specVersion": 1.6})]


def test_it_has_each_package_of_the_layer_with_its_version_and_licence(bom: dict[str, Any]) -> None:
    found = {(each.name, each.version) for each in distributions(path=[str(LAYER)])}
    packages = by_name(bom)
    assert found == {(pin.name, pin.version) for pin in pins.read(pins.LAYER)}
    for name, version in found:
        assert packages[name]["purl"] == f"pkg:pypi/{name}@{version}"
        assert packages[name]["licenses"][0]["expression"] in {"MIT-CMU", "Apache-2.0"}


def test_each_package_has_the_hashes_that_are_pinned(bom: dict[str, Any]) -> None:
    for pin in pins.read(pins.LAYER):
        (reference,) = by_name(bom)[pin.name]["externalReferences"]
        assert {each["content"] for each in reference["hashes"]} == {*pin.sha256}


def test_it_has_the_compiled_kernel_as_it_is_in_the_layer(bom: dict[str, Any]) -> None:
    sha256 = subprocess.run(
        ["sha256sum", LAYER / "processing" / "kernel.so"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    kernel = by_name(bom)["processing/kernel.so"]
    assert kernel["hashes"] == [{"alg": "SHA-256", "content": sha256}]


def test_it_has_what_the_wheels_carry(bom: dict[str, Any]) -> None:
    assert {"libjpeg / libjpeg-turbo", "OpenJPEG", "libXau"} <= by_name(bom).keys()


def test_it_has_the_modules_of_pillow_that_are_in_the_layer_and_no_other(
    bom: dict[str, Any],
) -> None:
    named = {name for name in by_name(bom) if name.startswith("PIL._")}
    there = {f"PIL.{file.name.partition('.')[0]}" for file in (LAYER / "PIL").glob("*.so")}
    assert named == there
    assert not {"FreeType", "HarfBuzz", "Little CMS 2", "raqm"} & by_name(bom).keys()


def test_each_component_hangs_on_the_layer(bom: dict[str, Any]) -> None:
    below = {each["ref"]: each.get("dependsOn", []) for each in bom["dependencies"]}
    reached, waiting = set(), ["layer"]
    while waiting:
        reference = waiting.pop()
        reached.add(reference)
        waiting += [each for each in below.get(reference, []) if each not in reached]
    assert {component["bom-ref"] for component in bom["components"]} <= reached


@pytest.mark.parametrize("name", GPL_AND_LGPL)
def test_what_pillow_can_be_built_with_is_left_out_because_it_is_not_there(
    name: str, bom: dict[str, Any]
) -> None:
    assert name not in by_name(bom)
    carried = [file.name.lower() for file in (LAYER / "pillow.libs").iterdir()]
    assert carried
    assert not [file for file in carried if name.lower().removeprefix("lib") in file]


def test_no_library_in_the_layer_has_the_functions_of_libimagequant() -> None:
    compiled = [*LAYER.rglob("*.so*")]
    assert any(b"jpeg_" in file.read_bytes() for file in compiled)
    assert not [file for file in compiled if b"liq_attr_create" in file.read_bytes()]


def test_the_same_layer_has_the_same_serial_number(bom: dict[str, Any]) -> None:
    program = (
        "import pathlib, sys; from supply.sbom import as_json, describe; "
        "print(as_json(describe(pathlib.Path(sys.argv[1]))))"
    )
    again = json.loads(run("-c", program, str(LAYER.parent)))
    assert again["serialNumber"] == bom["serialNumber"]
    assert again["components"] == bom["components"]
