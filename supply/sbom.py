"""The layer's bill of materials: CycloneDX 1.6, to build/sbom.json.

It lists what lies in the built layer: the packages, with the hashes of the files that they may have
been installed from; what their wheels carry inside, as far as those say so (PEP 770); and our own
compiled kernel. Checked against the schema before it is written.
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

from tooling.build import LAYER, build, layer_digest
from tooling.commands import Commands

from . import pins

OUT = pins.ROOT / "build" / "sbom.json"

NOT_IN_WHEELS = {"libimagequant", "FriBiDi"}
"""What Pillow's own bill names because it can be built with it. Its wheels are built without the
first (GPL) and load the second (LGPL) only where the system has it, which Lambda has not.
"""
LEFT_OUT = {
    *("PIL._imagingft", "FreeType", "HarfBuzz", "raqm", "fribidi-shim"),
    *("PIL._imagingcms", "Little CMS 2", "PIL._imagingtk"),
}
"""What worker/Makefile removes from the wheel, and what was compiled into that."""


def describe(layer: Path) -> Bom:
    """The bill of the layer that was built in this folder."""
    digest = layer_digest()
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, digest))
    bom.metadata.component = layer_component = Component(
        name="processing-layer",
        type=ComponentType.APPLICATION,
        version=digest[:12],
        bom_ref="layer",
        licenses=[LicenseExpression("MIT")],
    )
    packages = layer / "python"
    allowed = {pin.name: pin for pin in pins.read(pins.LAYER)}
    parts = [_kernel(packages / "processing" / "kernel.so")]
    for distribution in sorted(distributions(path=[str(packages)]), key=lambda each: each.name):
        package = _package(distribution, allowed[pins.normal(distribution.name)])
        inside = list(_inside(distribution))
        bom.components.update(inside)
        bom.register_dependency(package, inside)
        parts.append(package)
    bom.components.update(parts)
    bom.register_dependency(layer_component, parts)
    return bom


def _kernel(file: Path) -> Component:
    return Component(
        name="processing/kernel.so",
        type=ComponentType.FILE,
        bom_ref="kernel",
        description="compiled from worker/processing/kernel.c",
        licenses=[LicenseExpression("MIT")],
        hashes=[_sha256(hashlib.sha256(file.read_bytes()).hexdigest())],
    )


def _package(distribution: Distribution, pin: pins.Pin) -> Component:
    assert distribution.version == pin.version, f"{pin.name} in the layer is not the one pinned"
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    return Component(
        name=pin.name,
        version=pin.version,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseExpression(_licence(distribution))],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(str(purl)),
                comment="one of these files, whichever fits the layer's platform",
                hashes=map(_sha256, pin.sha256),
            )
        ],
    )


def _licence(distribution: Distribution) -> str:
    """As the package says it; none of the layer's leaves it to classifiers (test_sbom.py)."""
    metadata = distribution.metadata
    return str(metadata["License-Expression"] or metadata["License"])


def _inside(distribution: Distribution) -> Iterator[Component]:
    """What the wheel says that it carries."""
    for file in sorted(distribution.files or [], key=str):
        if ".dist-info/sboms/" in str(file) and file.name.endswith(".cdx.json"):
            carried = Bom.from_json(json.loads(file.read_text())).components
            others = {*NOT_IN_WHEELS, *LEFT_OUT, distribution.name}
            yield from (component for component in carried if component.name not in others)


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def as_json(bom: Bom) -> str:
    return str(JsonV1Dot6(bom).output_as_string(indent=2))


def main() -> int:
    """Build the layer if it is not built, and write its bill; gives the exit code."""
    from cyclonedx.validation.json import JsonStrictValidator  # a second, for the grammar of IRIs

    bom = describe(build(Commands(), "lambda") / LAYER)
    text = as_json(bom)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(f"not CycloneDX 1.6: {error}", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text + "\n")
    print(f"{OUT.relative_to(pins.ROOT)}: {len(bom.components)} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
