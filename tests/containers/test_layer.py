"""The layer as `sam build` makes it for AWS, in both images that it is made for."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from processing.picture import FORMATS

from mazes import check
from tests.containers.containers import Container
from tests.containers.task import docker_options
from tests.hostile import corpus
from tooling import paths

AMAZON_LINUX_2023_GLIBC = (2, 34)
LAMBDA_LIMIT = 250 * 1024 * 1024
"""Bytes of a function with its layers, unzipped."""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that the container's user may write to."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "maze.png").write_bytes(paths.SAMPLE.read_bytes())
    return folder


def assert_solved(folder: Path) -> None:
    output = (folder / "output.png").read_bytes()
    check.solved(Image.open(paths.SAMPLE), Image.open(BytesIO(output)))


def test_it_solves_in_the_workers_container(image: str, shared: Path) -> None:
    options = [*docker_options(), f"--volume={shared}:/shared"]
    command = ["/shared/maze.png", "/shared/output.png"]
    with Container(image, options, command) as container:
        ended = container.wait()
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert_solved(shared)


def test_it_solves_where_functions_run(lambda_base: str, layer: Path, shared: Path) -> None:
    options = [f"--volume={layer}:/opt:ro", f"--volume={shared}:/shared"]
    options += ["--env=PYTHONPATH=/opt/python", "--entrypoint=python3"]
    command = ["-m", "processing", "/shared/maze.png", "/shared/output.png"]
    with Container(lambda_base, options, command) as container:
        ended = container.wait()
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert_solved(shared)


def test_it_opens_and_writes_every_format(lambda_base: str, layer: Path, shared: Path) -> None:
    """It has less of Pillow than its wheel."""
    for kind in FORMATS:
        (shared / kind).write_bytes(corpus.valid(kind))
    program = (
        "import pathlib\n"
        "from processing import picture\n"
        "for kind in picture.FORMATS:\n"
        "    picture.write(picture.read(pathlib.Path('/shared', kind).read_bytes()))\n"
        "    print(kind)"
    )
    options = [f"--volume={layer}:/opt:ro", f"--volume={shared}:/shared"]
    options += ["--env=PYTHONPATH=/opt/python", "--entrypoint=python3"]
    with Container(lambda_base, options, ["-c", program]) as container:
        ended = container.wait()
    assert (ended.code, ended.out.split(), ended.err) == (0, [*FORMATS], "")


def test_it_has_each_library_that_its_libraries_need_and_no_other(layer: Path) -> None:
    """A library is named in those that load it, with the hash that auditwheel put in its name."""
    libraries = [*(layer / "python" / "pillow.libs").iterdir()]
    binaries = {path: path.read_bytes() for path in layer.rglob("*.so*")}
    wanted = {
        name.decode()
        for content in binaries.values()
        for name in re.findall(rb"lib\w+-[0-9a-f]{8}\.so[.\d]*", content)
    }
    assert wanted == {path.name for path in libraries}
    unloaded = {
        path.name
        for path in libraries
        if not any(
            path.name.encode() in content for other, content in binaries.items() if other != path
        )
    }
    assert not unloaded
    assert not [path.name for path in binaries if re.search("freetype|harfbuzz|lcms", path.name)]


def test_it_runs_on_amazon_linux(layer: Path) -> None:
    """A stand-in's C library is newer than Lambda's, and would not notice."""
    wanted = {
        tuple(map(int, version))
        for library in layer.rglob("*.so*")
        for version in re.findall(rb"GLIBC_(\d+)\.(\d+)", library.read_bytes())
    }
    assert (2, 2) < max(wanted) <= AMAZON_LINUX_2023_GLIBC


def test_it_fits_into_a_function(layer: Path) -> None:
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    print(f"\nlayer: {size / 1e6:.1f} MB unzipped")
    assert size < LAMBDA_LIMIT
