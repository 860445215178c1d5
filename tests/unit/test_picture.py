"""Reading and writing pictures: modes, formats, rotation, and what is refused."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from processing import maze, picture
from processing.errors import Rejected
from processing.thumbnail import thumbnail

WALL, OPEN, PATH = (0, 0, 0), (255, 255, 255), (0, 255, 0)
SIZE = (5, 3)
PATH_PIXELS = [(1, 0), (1, 1), (1, 2)]
# A side corridor that is not on the path, so that white is seen too.
OPEN_PIXELS = [*PATH_PIXELS, (2, 1), (3, 1)]


def grey() -> Image.Image:
    image = Image.new("L", SIZE, 0)
    for at in OPEN_PIXELS:
        image.putpixel(at, 255)
    return image


def transparent_corridors(mode: str) -> Image.Image:
    """Black all over, and see-through where it is open: white only on white paper."""
    black = Image.new("L", SIZE, 0)
    alpha = grey().point(lambda value: 255 - value)
    return Image.merge(mode, (*[black] * (len(mode) - 1), alpha))


MODES = {
    "1": grey().convert("1"),
    "L": grey(),
    "P": grey().convert("RGB").quantize(2),
    "RGB": grey().convert("RGB"),
    "LA": transparent_corridors("LA"),
    "RGBA": transparent_corridors("RGBA"),
    "I;16": grey().convert("I").point(lambda value: value * 257).convert("I;16"),
    "CMYK": grey().convert("RGB").convert("CMYK"),
}


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    return Image.open(BytesIO(body))


def assert_solved(body: bytes, tolerance: int = 0) -> None:
    image = opened(body).convert("RGB")
    assert image.size == SIZE
    for x in range(SIZE[0]):
        for y in range(SIZE[1]):
            at = (x, y)
            wanted = PATH if at in PATH_PIXELS else OPEN if at in OPEN_PIXELS else WALL
            apart = max(abs(a - b) for a, b in zip(image.getpixel(at), wanted, strict=True))
            assert apart <= tolerance, (at, image.getpixel(at), wanted)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "CMYK"])
def test_every_mode_is_read_right(mode):
    assert_solved(maze.solve(saved(MODES[mode], "PNG"), "image/png").body)


def test_cmyk_is_read_right():
    assert_solved(maze.solve(saved(MODES["CMYK"], "TIFF"), "image/tiff").body)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_half_transparent_is_half_as_dark_on_white(mode):
    half = Image.new(mode, (1, 1), (*[0] * (len(mode) - 1), 128))
    assert picture.read(saved(half, "PNG")).image.getpixel((0, 0)) == (127, 127, 127)


def test_transparency_by_colour_is_laid_on_white():
    image = grey().point(lambda value: 0 if value else 40)
    assert opened(maze.solve(saved(image, "PNG", transparency=0), "image/png").body)


# 16-bit grey is dark when it is cut off instead of scaled, and all white when it is clipped.
@pytest.mark.parametrize("level", [51400, 51399])
def test_16_bits_are_scaled_to_8(level):
    image = Image.new("I;16", (1, 2), level)
    if level == 51400:  # 200 * 257
        assert maze.solve(saved(image, "PNG"), "image/png").pixels == 2
    else:
        with pytest.raises(Rejected):
            maze.solve(saved(image, "PNG"), "image/png")


@pytest.mark.parametrize(
    ("format", "content_type", "tolerance"),
    [
        ("PNG", "image/png", 0),
        ("JPEG", "image/jpeg", 2),
        ("GIF", "image/gif", 0),
        ("BMP", "image/bmp", 0),
        ("TIFF", "image/tiff", 0),
        ("WEBP", "image/webp", 0),
        ("AVIF", "image/avif", 4),
        ("JPEG2000", "image/jp2", 0),
        ("PPM", "image/x-portable-anymap", 0),
        ("TGA", "image/x-tga", 0),
        ("PCX", "image/x-pcx", 0),
    ],
)
def test_every_format_has_an_output_of_its_kind(format, content_type, tolerance):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    options["AVIF"] = {"quality": 100}
    output = maze.solve(saved(MODES["RGB"], format, **options.get(format, {})), "any/thing")
    assert output.content_type == content_type
    assert opened(output.body).format == format
    assert_solved(output.body, tolerance)


def test_the_output_of_a_jpeg_is_without_subsampling_at_quality_100():
    output = maze.solve(saved(MODES["RGB"], "JPEG", quality=100, subsampling=0), "image/jpeg")
    image = opened(output.body)
    assert {max(table) for table in image.quantization.values()} == {1}
    assert {layer[1:3] for layer in image.layer} == {(1, 1)}


def test_the_output_of_a_format_that_cannot_be_written_is_png():
    # The smallest Photoshop file: header, three empty sections, raw planes.
    header = b"8BPS\0\1" + bytes(6) + b"\0\3" + b"\0\0\0\3" + b"\0\0\0\5" + b"\0\10\0\3"
    plane = grey().tobytes()
    body = header + bytes(12) + b"\0\0" + plane * 3
    output = maze.solve(body, "image/vnd.adobe.photoshop")
    assert output.content_type == "image/png"
    assert_solved(output.body)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_photograph_is_solved_upright(orientation):
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = MODES["RGB"].transpose(turn[orientation]) if orientation > 1 else MODES["RGB"]
    exif = Image.Exif()
    exif[0x0112] = orientation
    output = maze.solve(saved(stored, "PNG", exif=exif), "image/png")
    assert_solved(output.body)
    assert 0x0112 not in opened(output.body).getexif()


def profile(channels: bytes) -> bytes:
    """The header of an ICC profile; it names its channels at byte 16."""
    return bytes(16) + channels + bytes(108)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_the_colour_profile_is_kept(format):
    body = saved(MODES["RGB"], format, icc_profile=profile(b"RGB "), quality=100)
    output = picture.write(picture.read(body))[0]
    assert opened(output).info["icc_profile"] == profile(b"RGB ")


@pytest.mark.parametrize(
    ("format", "mode", "channels"),
    [
        ("PNG", "1", b"GRAY"), ("PNG", "L", b"GRAY"), ("PNG", "LA", b"GRAY"),
        ("PNG", "I;16", b"GRAY"), ("JPEG", "L", b"GRAY"), ("JPEG", "CMYK", b"CMYK"),
        ("TIFF", "L", b"GRAY"), ("TIFF", "CMYK", b"CMYK"), ("TIFF", "I;16", b"GRAY"),
        ("WEBP", "L", b"GRAY"), ("AVIF", "L", b"GRAY"), ("AVIF", "CMYK", b"CMYK"),
        ("PNG", "RGB", b"GRAY"), ("PNG", "L", b"RGB "), ("PNG", "RGB", b""),
    ],
)  # fmt: skip
def test_a_profile_of_other_channels_is_not_in_the_output(format, mode, channels):
    body = saved(MODES[mode], format, icc_profile=profile(channels)[: 128 if channels else 7])
    assert "icc_profile" in opened(body).info
    assert "icc_profile" not in opened(picture.write(picture.read(body))[0]).info


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
@pytest.mark.parametrize("format", ["JPEG", "GIF", "PNG", "TIFF", "WEBP", "JPEG2000", "AVIF"])
def test_what_the_file_says_of_itself_is_not_in_the_output(format, mode):
    said = b"<script>alert(1)</script>"
    text = PngInfo()
    text.add_text("Comment", said.decode())
    exif = Image.Exif()
    exif[0x010E] = said.decode()
    more = {
        "PNG": {"pnginfo": text, "exif": exif},
        "TIFF": {"description": said.decode()},
        "GIF": {"comment": said},
        "JPEG2000": {"comment": said.decode()},
    }
    options = more.get(format, {"comment": said, "exif": exif, "xmp": said})
    image = MODES["RGB" if mode == "P" and format in ("JPEG", "JPEG2000") else mode]
    body = saved(image, format, **options)
    assert said in body
    assert said not in picture.write(picture.read(body))[0]


def test_only_the_first_frame_is_read():
    frames = [Image.new("RGB", SIZE, "black")]
    body = saved(MODES["RGB"], "TIFF", save_all=True, append_images=frames)
    assert_solved(maze.solve(body, "image/tiff").body)


def test_too_many_pixels_are_rejected_before_they_are_decoded():
    body = saved(Image.new("L", (100, 100)), "PNG")[:60]  # all but the header is cut off
    with pytest.raises(Rejected, match=r"100 x 100 = 10000 pixels, more than the limit of 9999"):
        picture.read(body, max_pixels=9999)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": Image.Exif()}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_webp_is_measured_before_its_canvas_is_made(mode, options):
    """By each of the three headers that it may have."""
    body = saved(Image.new(mode, (321, 123)), "WEBP", **options)
    with pytest.raises(Rejected, match="321 x 123 = 39483 pixels, more than the limit of 39482"):
        picture.read(body[:30], max_pixels=39482)
    assert picture.read(body, max_pixels=39483).image.size == (321, 123)


def test_memory_that_runs_out_over_metadata_is_no_reason_to_leave_a_picture_unturned(monkeypatch):
    def greedy(image):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "getexif", greedy)
    with pytest.raises(MemoryError):
        picture.read(saved(MODES["RGB"], "PNG"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"hello", "not a picture in a format that is read here"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%PDF-1.7", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture"),
    ],
)
def test_what_is_no_picture_is_rejected(body, reason):
    with pytest.raises(Rejected, match=reason):
        picture.read(body)


@pytest.mark.parametrize(
    "format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "JPEG2000", "AVIF"]
)
def test_a_picture_that_is_cut_off_is_rejected(format):
    noise = Image.frombytes("RGB", (64, 64), random.Random(1).randbytes(64 * 64 * 3))
    body = saved(noise, format)
    with pytest.raises(Rejected, match="damaged or cut off|not a picture"):
        picture.read(body[: len(body) * 2 // 3])


def test_the_second_processor_shrinks():
    output = thumbnail(saved(Image.new("RGB", (1000, 500)), "PNG"), "image/png")
    assert opened(output.body).size == (256, 128)
