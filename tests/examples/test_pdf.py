"""examples/pdf: each page a picture."""

from pathlib import Path

import pytest
from PIL import Image

from tests.examples.conftest import Run, sample

PAGES = "pdf:pages"


def picture(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        return opened.convert("RGB")


def test_each_page_is_a_picture(run: Run) -> None:
    ran = run("pdf", PAGES, sample("pdf"))
    assert ran.names == ["page-0001.png", "page-0002.png"]
    first, second = (picture(ran.outputs / name) for name in ran.names)
    assert first.size == second.size == (576, 432)  # 4 x 3 inches
    green = (0, 153, 0)
    assert green not in {colour for _, colour in first.getcolors(10**6)}
    assert green in {colour for _, colour in second.getcolors(10**6)}


def test_a_page_as_large_as_a_house_is_no_larger_a_picture(run: Run, tmp_path: Path) -> None:
    house = tmp_path / "house.pdf"
    house.write_bytes(sample("pdf").read_bytes().replace(b"288 216", b"99999 9"))
    ran = run("pdf", PAGES, house)
    assert picture(ran.outputs / ran.names[0]).size == (10_000, 1)


@pytest.mark.parametrize("body", [b"", b"no PDF", b"%PDF-1.4\n%%EOF"])
def test_what_is_no_pdf_is_rejected(run: Run, tmp_path: Path, body: bytes) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(body)
    ran = run("pdf", PAGES, broken)
    assert str(ran.rejected).startswith("this PDF can't be read")
    assert ran.names == []
