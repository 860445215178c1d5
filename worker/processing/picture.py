"""Pictures in, pictures out: the part that every picture processor needs. Pure: no AWS, no clock.

What is read is named in FORMATS and nothing else (a decoder is an attack surface). Of a picture
with several frames, only the first is read.
"""

from __future__ import annotations

import contextlib
import mmap
import warnings
from io import BytesIO
from typing import Any, NamedTuple

from PIL import ExifTags, Image, UnidentifiedImageError

from .errors import Rejected

# The limit is ours and checked before a pixel is decoded; Pillow's own would reject fewer pixels.
Image.MAX_IMAGE_PIXELS = None

# An image's pixels in one block, which a processor can reach in place (`Image.__arrow_c_array__`).
Image.core.set_use_block_allocator(1)  # type: ignore[attr-defined]
_MOST_PIXELS = 2**29 - 1
"""What a block can hold: Pillow counts its bytes, four a pixel, in 31 bits."""

MAX_PIXELS = 100_000_000
"""Default limit in pixels: at 6 bytes a pixel, 100 megapixels fit the default task and function."""

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
"""What is read. What can't be written in kind (PSD) is answered as PNG."""


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
    """Pillow's name of the format to answer in."""
    profile: bytes | None
    """The ICC colour profile, where it still fits the RGB pixels."""


def read(body: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a file. Raises Rejected, with the reason, when it is no picture that can be used.

    Raises MemoryError when it can't be decoded for want of memory.
    """
    if not body:
        raise Rejected("the file is empty (0 bytes): upload a picture")
    image = None
    try:
        with warnings.catch_warnings():
            # Of metadata that they skip; what counts are the pixels.
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(body), formats=FORMATS)
            _check_size(image, max_pixels)
            profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
            upright = _rgb(_turned(image))
    except (Rejected, MemoryError):
        raise
    except UnidentifiedImageError as error:
        known = ", ".join(sorted(FORMATS))
        raise Rejected(f"this is not a picture in a format that is read here ({known})") from error
    except Exception as error:
        # Decoders raise whatever their format's parser stumbles over. The bytes are fixed, so the
        # next attempt would end in the same way: a rejection, not a failure.
        if image and not _room_for_codec(image):
            raise MemoryError from error
        raise Rejected(f"the picture is damaged or cut off: {error}") from error
    written = _ALIASES.get(image.format or "", image.format or "")
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
        if not _room_for_codec(picture.image):
            raise MemoryError from error
        problem = f"the answer can't be written as {picture.format}: {error}"
        raise Rejected(problem) from error
    return out.getvalue(), Image.MIME[picture.format]


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > min(max_pixels, _MOST_PIXELS):
        raise Rejected(
            f"the picture has {width} x {height} = {width * height} pixels, more than the limit of "
            f"{min(max_pixels, _MOST_PIXELS)}: make it smaller, or raise MaxPixels (to at most "
            f"{_MOST_PIXELS}) together with the memory"
        )


def _room_for_codec(image: Image.Image) -> bool:
    """Whether a codec that failed had the memory that it needed: some call it a broken file.
    JPEG 2000's takes most."""
    try:
        mmap.mmap(-1, 28 * image.width * image.height, mmap.MAP_PRIVATE).close()
    except (OSError, OverflowError):
        return False
    return True


def _turned(image: Image.Image) -> Image.Image:
    """The image upright, as its metadata has it: of a file's metadata, the one thing that counts.

    Pillow's exif_transpose writes all of it anew, and fails where a camera's is a little odd.
    """
    image.load()
    turn = None
    with contextlib.suppress(Exception):  # no reason to refuse the pixels
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """The image as RGB, transparency laid on white, 16 bits scaled to 8."""
    if image.mode.startswith("I"):  # 16-bit grey, as "I;16" or, from older files, in 32 bits
        image = image.convert("I").point(lambda value: value * (255 / 65535)).convert("L")
    elif image.mode == "F":
        raise ValueError("pixels as floating-point numbers have no defined white")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        return paper
    if image.mode != "RGB":
        return image.convert("RGB")
    image.load()
    # The same pixels as a plain image: what comes from a file would be written with its old tags
    # and frames.
    return image._new(image.im)
