"""Pictures in, pictures out: the part that every picture processor needs. Pure: no AWS, no clock.

What is read is named in FORMATS and nothing else (a decoder is an attack surface). Of a picture
with several frames, only the first is read.
"""

from __future__ import annotations

import os
import warnings
from io import BytesIO
from typing import Any, NamedTuple

from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from .errors import Rejected

# The limit is ours and checked before a pixel is decoded; Pillow's own would reject fewer pixels.
Image.MAX_IMAGE_PIXELS = None

# The common formats, once a runner: each job would import them anew in its fork, in 10 ms.
Image.preinit()

# An image's pixels in one block, which a processor can reach in place (`Image.__arrow_c_array__`).
Image.core.set_use_block_allocator(1)  # type: ignore[attr-defined]
_MOST_PIXELS = 2**29 - 1
"""What a block can hold: Pillow counts its bytes, four a pixel, in 31 bits."""

MAX_PIXELS = int(os.environ.get("MAX_PIXELS") or 100_000_000)
"""Limit in pixels: by default 100 megapixels, which fit the default task and function in most
formats.

Solving a maze takes 5 to 8 bytes a pixel; with transparency or to be turned 8 to 12, as 16-bit grey
10, as GIF 13. What takes more (WebP 18, and JPEG 2000 and AVIF) is rejected when memory runs out.
"""

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {"compress_level": 1},
    "WEBP": {"lossless": True, "quality": 100},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG2000": {"irreversible": False},
    "TIFF": {"compression": "tiff_deflate"},
    "GIF": {},
    "BMP": {},
    "PPM": {},
    "TGA": {},
    "PCX": {},
}
_ALIASES = {"MPO": "JPEG", "DIB": "BMP"}
"""What Pillow calls a phone's JPEG with several frames, and a BMP without its file header."""

FORMATS = (*_SAVE_OPTIONS, "DIB", "PSD")
"""What is read. What can't be written in kind (PSD) has an output in PNG."""


_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF's number of an orientation: what makes it upright."""


class Picture(NamedTuple):
    """A decoded picture: upright, opaque, RGB with 8 bits a channel."""

    image: Image.Image
    format: str
    """Pillow's name of the format of the output."""
    profile: bytes | None
    """The ICC colour profile, where it still fits the RGB pixels."""


def read(body: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a file. Raises Rejected, with the reason, when it is no picture that can be used.

    Raises MemoryError when it can't be decoded for want of memory.
    """
    if not body:
        raise Rejected("the file is empty (0 bytes): upload a picture")
    kind, size = "WEBP", _webp_size(body)
    try:
        with warnings.catch_warnings():
            # Of metadata that they skip; what counts are the pixels.
            warnings.simplefilter("ignore")
            if size:  # of a WebP, Pillow makes the canvas as soon as it opens it
                _check_size(size, max_pixels)
            image = Image.open(BytesIO(body), formats=FORMATS)
            kind, size = str(image.format), image.size
            _check_size(size, max_pixels)
            _check_size(_tile_size(image), max_pixels, "a tile of the picture")
            profile = _profile(image)
            upright = _rgb(_turned(image))
            # Whatever else the file says of itself (comments, text, resolution, a profile of other
            # channels) Pillow's encoders would write into the output.
            upright.info.clear()
    except (Rejected, MemoryError):
        raise
    except UnidentifiedImageError as error:
        known = ", ".join(sorted(FORMATS))
        raise Rejected(f"this is not a picture in a format that is read here ({known})") from error
    except Exception as error:
        # Decoders raise whatever their format's parser stumbles over. The bytes are fixed, so the
        # next attempt would end in the same way: a rejection, not a failure.
        raise Rejected(f"the picture is damaged or cut off: {error}") from error
    written = _ALIASES.get(kind, kind)
    return Picture(upright, written if written in _SAVE_OPTIONS else "PNG", profile)


def write(picture: Picture) -> tuple[bytes, str]:
    """Encode in the picture's own format. Gives the file and its content type.

    Raises Rejected when the format can't hold the picture, and MemoryError.
    """
    options = dict(_SAVE_OPTIONS[picture.format])
    if picture.profile:
        options["icc_profile"] = picture.profile
    out = BytesIO()
    try:
        picture.image.save(out, picture.format, **options)
    except MemoryError:
        raise
    except Exception as error:  # encoders raise as decoders do
        problem = f"the output can't be written as {picture.format}: {error}"
        raise Rejected(problem) from error
    return out.getvalue(), Image.MIME[picture.format]


def _check_size(size: tuple[int, int], max_pixels: int, what: str = "the picture") -> None:
    width, height = size
    if width * height > min(max_pixels, _MOST_PIXELS):
        raise Rejected(
            f"{what} has {width} x {height} = {width * height} pixels, more than the limit of "
            f"{min(max_pixels, _MOST_PIXELS)}: make it smaller, or raise MAX_PIXELS in "
            f"JobEnvironment (to at most {_MOST_PIXELS}) together with the memory"
        )


def _webp_size(body: bytes) -> tuple[int, int] | None:
    """Width and height that a WebP's header promises (RFC 9649, section 2.5 to 2.7, and RFC 6386,
    section 9.1); None where there is no such header."""
    if body[:4] != b"RIFF" or body[8:12] != b"WEBP" or len(body) < 30:
        return None
    match body[12:16]:
        case b"VP8 ":
            numbers = int.from_bytes(body[26:30], "little")
            return numbers & 0x3FFF, numbers >> 16 & 0x3FFF
        case b"VP8L":
            numbers = int.from_bytes(body[21:25], "little")
            return (numbers & 0x3FFF) + 1, (numbers >> 14 & 0x3FFF) + 1
        case b"VP8X":
            numbers = int.from_bytes(body[24:30], "little")
            return (numbers & 0xFFFFFF) + 1, (numbers >> 24) + 1
    return None


def _tile_size(image: Image.Image) -> tuple[int, int]:
    """Of a TIFF in tiles, which libtiff decodes whole, even one that is larger than the picture."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(TiffImagePlugin.TILEWIDTH, 0), tags.get(TiffImagePlugin.TILELENGTH, 0)


def _profile(image: Image.Image) -> bytes | None:
    """The profile, if it is one for RGB pixels (ICC.1:2022, 7.2.6) and these were no others: some
    decoders make RGB of grey, and leave its profile."""
    profile = image.info.get("icc_profile")
    fits = image.mode in ("RGB", "RGBA", "P") and profile and profile[16:20] == b"RGB "
    return profile if fits else None


def _turned(image: Image.Image) -> Image.Image:
    """The image upright, as its metadata has it: of a file's metadata, the one thing that counts.

    Pillow's exif_transpose writes all of it anew, and fails where a camera's is a little odd.
    """
    image.load()
    turn = None
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except MemoryError:
        raise  # it may be read with more
    except Exception:  # noqa: S110, no reason to refuse the pixels
        pass
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """The image as RGB, transparency laid on white, 16 bits scaled to 8."""
    if image.mode.startswith("I"):  # 16-bit grey, as "I;16" or, from older files, in 32 bits
        image = image.convert("I").point(lambda value: value * (255 / 65535)).convert("L")
    elif image.mode == "F":
        raise ValueError("pixels as floating-point numbers have no defined white")
    if image.has_transparency_data:
        if image.mode not in ("RGBA", "LA"):
            image = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image)  # by its alpha
        return paper
    if image.mode != "RGB":
        return image.convert("RGB")
    image.load()
    # The same pixels as a plain image: what comes from a file would be written with its old tags
    # and frames.
    return image._new(image.im)
