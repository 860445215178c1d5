"""Files that nobody should be harmed by: poison, made here and not kept as files.

POISON is what must be rejected, each file with a pattern of its reason. ODD is what looks like
poison and is a picture all the same.
"""

from __future__ import annotations

import functools
import gzip
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

from PIL import Image

from mazes import pictures

MAX_PIXELS = 1_000_000
"""The limit that the corpus is made for: small, so that it is cheap to come close to."""

FORMATS = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "DIB", "JPEG2000", "AVIF", "PPM", "TGA",
           "PCX", "MPO")  # fmt: skip
"""What Pillow can write of what is read; PSD is made by hand."""

DAMAGED = "damaged or cut off"
NO_PICTURE = "not a picture in a format that is read here"
NO_USE = f"{DAMAGED}|{NO_PICTURE}"
TOO_LARGE = r"pixels, more than the limit of 1000000"


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def noise(size: int = 64) -> Image.Image:
    """So that no codec makes much less of it: what is cut off is missed."""
    pixels = random.Random(1).randbytes(size * size * 3)
    return Image.frombytes("RGB", (size, size), pixels)


@functools.cache
def maze() -> Image.Image:
    """Not to be changed."""
    return pictures.maze(40, 40, seed=1).convert("RGB")


def valid(format: str) -> bytes:
    """A maze in this format."""
    return psd(maze()) if format == "PSD" else saved(maze(), format)


# ---- Formats by hand --------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png(width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def bmp(width: int, height: int, bits: int = 24, compression: int = 0, data: bytes = b"") -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + header + data


def gif(width: int, height: int, frame: tuple[int, int, int, int] | None = None) -> bytes:
    left, top, across, down = frame or (0, 0, width, height)
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    return (
        b"GIF89a" + screen + b"," + struct.pack("<HHHHB", left, top, across, down, 0)
        + b"\x02\x02\x44\x01\x00;"
    )  # fmt: skip


def tiff(tags: list[tuple[int, int, int, int]], following: int = 0, data: bytes = b"") -> bytes:
    """Tags are tag, type, count, value; the directory starts at 8."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8) + directory + data


def tiff_tags(width: int, height: int, offset: int = 200, count: int = 10) -> list:
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, offset), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, count),
    ]  # fmt: skip


def tiled(size: int, compression: int) -> bytes:
    """A TIFF of 40 x 40 pixels, which lie in the corner of one large tile."""
    tags = [*tiff_tags(40, 40)[:3], (259, 3, 1, compression), *tiff_tags(40, 40)[4:5],
            (277, 3, 1, 1), (322, 4, 1, size), (323, 4, 1, size), (324, 4, 1, 300),
            (325, 4, 1, 50)]  # fmt: skip
    return tiff(tags).ljust(300, b"\0") + b"\x80" * 50


def tga(width: int, height: int, kind: int = 2, bits: int = 24, data: bytes = b"") -> bytes:
    return struct.pack("<BBBHHBHHHHBB", 0, 0, kind, 0, 0, 0, 0, 0, width, height, bits, 0) + data


def pcx(left: int, top: int, right: int, bottom: int) -> bytes:
    header = struct.pack("<BBBBHHHHHH", 10, 5, 1, 8, left, top, right, bottom, 72, 72)
    return header + bytes(48) + struct.pack("<BBHH", 0, 3, max(right - left + 1, 0) & 0xFFFE, 1)


def psd(image: Image.Image, size: tuple[int, int] | None = None) -> bytes:
    width, height = size or image.size
    planes = b"".join(band.tobytes() for band in image.split())
    header = struct.pack(">HIIHH", 3, height, width, 8, 3)
    return b"8BPS\0\1" + bytes(6) + header + bytes(12) + b"\0\0" + planes


def packed_psd(image: Image.Image) -> bytes:
    """Of grey or RGB, each row a run of bytes as they are, with a resource and no layers."""
    bands, (width, height) = image.split(), image.size
    kind = {"L": 1, "RGB": 3}[image.mode]
    header = struct.pack(">HIIHH", len(bands), height, width, 8, kind)
    resource = b"8BIM" + struct.pack(">H", 1039) + b"\0\0" + struct.pack(">I", 4) + b"icc!"
    lengths = struct.pack(">H", width + 1) * height * len(bands)
    planes = [band.tobytes() for band in bands]
    rows = [plane[at : at + width] for plane in planes for at in range(0, width * height, width)]
    packed = b"".join(bytes([width - 1]) + row for row in rows)
    return (
        b"8BPS\0\1" + bytes(6) + header + bytes(4) + struct.pack(">I", len(resource)) + resource
        + bytes(4) + b"\0\1" + lengths + packed
    )  # fmt: skip


def webp(width: int, height: int) -> bytes:
    """An extended header that promises a canvas, and an empty frame."""
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + b"VP8L" + struct.pack("<I", 0)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_of(width: int, height: int) -> bytes:
    """A small JPEG whose header says another size."""
    body = bytearray(saved(maze(), "JPEG"))
    at = body.index(b"\xff\xc0") + 5
    body[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(body)


def scans_of_nothing(size: int, scans: int) -> bytes:
    """A progressive JPEG whose every scan says of all blocks that nothing is added to them.

    To the decoder a scan is a walk over the whole picture, to the file some bytes: a code of one
    bit (end of band, for 2^14 blocks and as many more as the 14 bits after it say) for 32,767.
    """

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    codes = -(-(((size + 7) // 8) ** 2) // 32767)
    bits = "".join(["0" + "1" * 14] * codes)
    bits += "1" * (-len(bits) % 8)
    walked = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + b"\1" * 64)
        + segment(0xC2, struct.pack(">BHHB", 8, size, size, 1) + b"\1\x11\0")
        + segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")
        + (segment(0xDA, b"\1\1\0\1\x3f\0") + walked) * scans
        + b"\xff\xd9"
    )


def with_size(format: str, width: int, height: int) -> bytes:
    """A file of 40 x 40 pixels that says another size, wherever its format says it."""
    body = valid(format)
    was = struct.pack(">II", 40, 40)
    assert was in body
    return body.replace(was, struct.pack(">II", width, height))


@functools.cache
def photograph() -> bytes:
    return saved(maze(), "JPEG", quality=100, subsampling=0)


def with_exif(exif: bytes) -> bytes:
    """A good JPEG with bad metadata."""
    body = photograph()
    payload = b"Exif\0\0" + exif
    return body[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + body[2:]


def deep_exif(depth: int) -> bytes:
    """Directories that point at one another, the last at the first."""
    entries = b""
    for level in range(depth):
        following = 8 + 18 * ((level + 1) % depth)
        entries += struct.pack("<H", 1) + struct.pack("<HHII", 0x8769, 4, 1, following) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + entries


# ---- The corpus -------------------------------------------------------------------------------

Made = Callable[[], bytes]


def _cut_off() -> Iterator[tuple[str, Made, str]]:
    for kind in FORMATS:
        yield f"half of a {kind}", lambda kind=kind: _half(saved(noise(), kind)), NO_USE
        yield f"16 bytes of a {kind}", lambda kind=kind: saved(noise(), kind)[:16], NO_USE
    yield "half of a PSD", lambda: _half(psd(noise())), NO_USE
    yield "16 bytes of a PSD", lambda: psd(noise())[:16], NO_USE


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


_NOT_PICTURES: list[tuple[str, Made, str]] = [
    ("nothing", lambda: b"", "empty"),
    ("one byte", lambda: b"\0", NO_PICTURE),
    ("a megabyte of zeros", lambda: bytes(2**20), NO_PICTURE),
    ("random bytes", lambda: random.Random(2).randbytes(4096), NO_PICTURE),
    ("text", lambda: b"this is no picture\n", NO_PICTURE),
    ("HTML", lambda: b"<!doctype html><img src=x onerror=alert(1)>", NO_PICTURE),
    ("SVG with a script", lambda: b"<svg><script>alert(1)</script></svg>", NO_PICTURE),
    ("SVG of entities", lambda: b'<!DOCTYPE s [<!ENTITY a "&a;&a;">]><svg>&a;</svg>', NO_PICTURE),
    ("PDF", lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", NO_PICTURE),
    ("PostScript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n", NO_PICTURE),
    ("ZIP", lambda: b"PK\x05\x06" + bytes(18), NO_PICTURE),
    ("gzip bomb", lambda: gzip.compress(bytes(2**20)), NO_PICTURE),
    ("a PNG in gzip", lambda: gzip.compress(valid("PNG")), NO_PICTURE),
    ("a program", lambda: b"\x7fELF\2\1\1" + bytes(57), NO_PICTURE),
    ("a shell script", lambda: b"#!/bin/sh\nrm -rf /\n", NO_PICTURE),
    ("icon", lambda: saved(maze(), "ICO"), NO_PICTURE),
    ("DDS", lambda: saved(maze(), "DDS"), NO_PICTURE),
    ("SGI", lambda: saved(maze(), "SGI"), NO_PICTURE),
    ("ICNS bomb", lambda: b"icns\xff\xff\xff\xffic10\xff\xff\xff\xff", NO_PICTURE),
    ("FITS", lambda: b"SIMPLE  =                    T", NO_PICTURE),
    ("XBM", lambda: b"#define w_width 9\n#define w_height 9\nstatic char w[] = {0};", NO_PICTURE),
    ("ImageMagick's MVG", lambda: b"push graphic-context\nimage over 0,0 'url:x'", NO_PICTURE),
    ("byte order mark first", lambda: b"\xef\xbb\xbf" + valid("PNG"), NO_PICTURE),
]

_TOO_LARGE: list[tuple[str, Made, str]] = [
    ("PNG of 2^31 pixels square", lambda: png(2**31 - 1, 2**31 - 1), TOO_LARGE),
    ("PNG bomb", lambda: png(9000, 9000, chunk(b"IDAT", zlib.compress(bytes(9001 * 9000), 1))),
     TOO_LARGE),
    ("PNG one pixel high", lambda: png(1_000_001, 1), TOO_LARGE),
    ("PNG one pixel wide", lambda: png(1, 1_000_001), TOO_LARGE),
    ("JPEG of the greatest size", lambda: jpeg_of(65500, 65500), TOO_LARGE),
    ("GIF of the greatest size", lambda: gif(65535, 65535), TOO_LARGE),
    ("GIF with a frame beyond its screen", lambda: gif(10, 10, (60000, 60000, 5000, 5000)),
     TOO_LARGE),
    ("TIFF of 2^32 pixels square", lambda: tiff(tiff_tags(2**32 - 1, 2**32 - 1)), TOO_LARGE),
    ("TIFF with a tile of 2^15 pixels square", lambda: tiled(32768, 5), TOO_LARGE),
    ("TIFF with a raw tile of 2^15 pixels square", lambda: tiled(32768, 1), TOO_LARGE),
    ("WebP of the greatest size", lambda: webp(16384, 16384), TOO_LARGE),
    ("WebP of 2^24 pixels square", lambda: webp(2**24, 2**24), TOO_LARGE),
    ("BMP of 2^31 pixels square", lambda: bmp(2**31 - 1, 2**31 - 1), TOO_LARGE),
    ("JPEG 2000 of 2^31 pixels square", lambda: with_size("JPEG2000", 2**31 - 1, 2**31 - 1),
     TOO_LARGE),
    ("AVIF of 2^16 pixels square", lambda: with_size("AVIF", 65536, 65536),
     NO_PICTURE),  # libavif's own limit is 2^14 pixels square
    ("AVIF of 2^14 pixels square", lambda: with_size("AVIF", 16384, 16384), TOO_LARGE),
    ("PPM of 10^9 pixels square", lambda: b"P6 999999999 999999999 255\n", TOO_LARGE),
    ("TGA of the greatest size", lambda: tga(65535, 65535), TOO_LARGE),
    ("PCX of the greatest size", lambda: pcx(0, 0, 65534, 65534), TOO_LARGE),
    ("PSD of the greatest size", lambda: psd(maze(), (300_000, 300_000)), TOO_LARGE),
]  # fmt: skip

_ABSURD: list[tuple[str, Made, str]] = [
    ("PNG 0 wide", lambda: png(0, 5, chunk(b"IDAT", zlib.compress(b""))), NO_USE),
    ("PNG 0 high", lambda: png(5, 0, chunk(b"IDAT", zlib.compress(b""))), NO_USE),
    ("GIF 0 x 0", lambda: gif(0, 0), NO_USE),
    ("BMP 0 x 0", lambda: bmp(0, 0), NO_USE),
    ("BMP of negative width", lambda: bmp(-9, 9), TOO_LARGE),
    ("BMP upside down by 2^31", lambda: bmp(1, -(2**31)), TOO_LARGE),
    ("TIFF 0 x 0", lambda: tiff(tiff_tags(0, 0)), NO_USE),
    ("PPM 0 x 0", lambda: b"P6 0 0 255\n", NO_USE),
    ("PPM of a negative width", lambda: b"P6 -5 5 255\n", NO_USE),
    ("PPM with a word for a number", lambda: b"P6 five 5 255\n", NO_USE),
    ("PPM of endless digits", lambda: b"P3 9 9 255\n" + b"9" * 100_000, NO_USE),
    ("TGA 0 x 0", lambda: tga(0, 0), NO_USE),
    ("PCX inside out", lambda: pcx(9, 9, 0, 0), NO_USE),
    ("JPEG 0 x 0", lambda: jpeg_of(0, 0), NO_USE),
    ("PSD 0 x 0", lambda: psd(maze(), (0, 0)), NO_USE),
    ("AVIF 0 x 0", lambda: with_size("AVIF", 0, 0), NO_USE),
    ("JPEG 2000 0 x 0", lambda: with_size("JPEG2000", 0, 0), NO_USE),
]

_DAMAGED: list[tuple[str, Made, str]] = [
    ("PNG without pixels", lambda: png(40, 40), NO_USE),
    ("PNG with a wrong checksum", lambda: _flipped(valid("PNG"), 20), NO_USE),
    ("PNG with garbage for pixels", lambda: png(40, 40, chunk(b"IDAT", b"garbage")), NO_USE),
    ("PNG with too few pixels",
     lambda: png(40, 40, chunk(b"IDAT", zlib.compress(b"\xff" * 41 * 20))), "damaged|no opening"),
    ("PNG with a bomb for text",
     lambda: png(40, 40, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**26), 1))), NO_USE),
    ("PNG with 2^31 bytes of text", lambda: png(40, 40)[:33] + b"\x7f\xff\xff\xfftEXtk\0v", NO_USE),
    ("PNG with a bomb for a profile",
     lambda: png(40, 40, chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(2**26), 1))), NO_USE),
    ("JPEG without a scan", lambda: _before(saved(maze(), "JPEG"), b"\xff\xda"), NO_USE),
    ("JPEG of 255 components", lambda: _components(255), NO_USE),
    ("GIF of a frame without data", lambda: gif(40, 40), NO_USE),
    ("GIF that is a palette only", lambda: gif(40, 40)[:19] + b";", NO_USE),
    ("TIFF that is its own next page", lambda: tiff(tiff_tags(40, 40), following=8), NO_USE),
    ("TIFF whose directory is elsewhere", lambda: b"II*\0\xff\xff\xff\xff", NO_USE),
    ("TIFF with 2^32 values in a tag", lambda: tiff([*tiff_tags(9, 9), (700, 12, 2**32 - 1, 8)]),
     NO_USE),
    ("TIFF with 65535 tags", lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(100), NO_USE),
    ("TIFF whose pixels are elsewhere", lambda: tiff(tiff_tags(40, 40, 2**31, 1600)), NO_USE),
    ("TIFF of floating-point numbers", lambda: saved(Image.new("F", (9, 9), 1.0), "TIFF"), NO_USE),
    ("WebP with an empty frame", lambda: webp(40, 40), NO_USE),
    ("WebP that is all header", lambda: b"RIFF\xff\xff\xff\xffWEBP", NO_USE),
    ("BMP of 7 bits", lambda: bmp(9, 9, bits=7), NO_USE),
    ("BMP that runs on and on", lambda: bmp(40, 40, 8, 1, b"\0\2\xff\xff" * 99), NO_USE),
    ("AVIF that is all box", lambda: b"\0\0\0\x18ftypavif" + b"\xff" * 40, NO_USE),
    ("JPEG 2000 without boxes", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), NO_USE),
    ("TGA that runs on and on", lambda: tga(40, 40, 10, 24, b"\xff\0\0\0" * 3), NO_USE),
    ("PSD of an unknown mode", lambda: psd(maze())[:25] + b"\x0f" + psd(maze())[26:], NO_USE),
]  # fmt: skip

_NO_MAZES: list[tuple[str, Made, str]] = [
    ("a black picture", lambda: saved(Image.new("RGB", (40, 40)), "PNG"), "no opening in its top"),
    ("a maze without a way out",
     lambda: saved(pictures.hostile("no-bottom", 40, 40), "PNG"), "no opening in its bottom"),
    ("a maze with a wall across",
     lambda: saved(pictures.hostile("no-path", 40, 40), "PNG"), "no path leads"),
    ("a way that steps diagonally",
     lambda: saved(pictures.hostile("diagonal", 40, 40), "PNG"), "no path leads"),
    ("a way around the edge",
     lambda: saved(pictures.hostile("around", 40, 40), "PNG"), "no path leads"),
]  # fmt: skip


def _flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def _before(body: bytes, marker: bytes) -> bytes:
    return body[: body.index(marker)]


def _components(count: int) -> bytes:
    body = bytearray(saved(maze(), "JPEG"))
    body[body.index(b"\xff\xc0") + 9] = count
    return bytes(body)


POISON: dict[str, tuple[Made, str]] = {
    name: (functools.cache(made), reason)
    for name, made, reason in (
        *_cut_off(), *_NOT_PICTURES, *_TOO_LARGE, *_ABSURD, *_DAMAGED, *_NO_MAZES
    )
}  # fmt: skip

_SOLID = Image.new("RGB", (40, 40), "black")

_ODD: dict[str, Made] = {
    "a ZIP behind a PNG": lambda: valid("PNG") + b"PK\x05\x06" + bytes(18),
    "a script behind a GIF": lambda: valid("GIF") + b"<script>alert(1)</script>",
    "a PDF behind a JPEG": lambda: photograph() + b"%PDF-1.7",
    "EXIF that goes in circles": lambda: with_exif(deep_exif(2)),
    "EXIF 3000 directories deep": lambda: with_exif(deep_exif(3000)),
    "EXIF of garbage": lambda: with_exif(b"II*\0" + b"\xff" * 500),
    "EXIF cut off": lambda: with_exif(b"MM\0*\0\0\0\x08\0\x05\x01\x12"),
    "an animated GIF": lambda: saved(maze(), "GIF", save_all=True, append_images=[_SOLID] * 50),
    "an animated PNG": lambda: saved(maze(), "PNG", save_all=True, append_images=[_SOLID] * 50),
    "an animated WebP": lambda: saved(
        maze(), "WEBP", save_all=True, append_images=[_SOLID] * 50, lossless=True
    ),
    "a TIFF of many pages": lambda: saved(
        maze(), "TIFF", save_all=True, append_images=[_SOLID] * 50
    ),
    "one white pixel": lambda: saved(Image.new("RGB", (1, 1), "white"), "PNG"),
    "one row": lambda: saved(Image.new("RGB", (1000, 1), "white"), "PNG"),
    "one column": lambda: saved(Image.new("RGB", (1, 1000), "white"), "PNG"),
    "exactly the limit": lambda: saved(Image.new("L", (1000, 1000), 255), "PNG"),
}

ODD: dict[str, Made] = {name: functools.cache(made) for name, made in _ODD.items()}
