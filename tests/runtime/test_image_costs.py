"""What an image file may cost: floods in headers refused before a decoder runs, large pictures within stated memory."""

import io
import os
import resource
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from vaeport.errors import ImageError
from vaeport.images import directories, headers
from vaeport.images.batch import to_batch
from vaeport.images.files import MAX_PIXELS, MAX_SIDE, open_picture

MOST_MEGABYTES = 700
"""What `docs/images.md` says that reading one picture may add to a process."""


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(*extra: bytes, width: int = 8, height: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = _chunk(b"IDAT", zlib.compress(bytes((8 + 1) * 8)))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(extra) + pixels + _chunk(b"IEND", b"")


def _saved(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert(options.pop("mode", "RGB")).save(file, kind, **options)
    return file.getvalue()


def _entries(count: int, *, size: int) -> bytes:
    """A TIFF, or the inside of an EXIF block, whose entries all claim the same bytes as their value."""
    entries = b"".join(struct.pack(">HHII", 1000 + n % 60_000, 7, size, 0) for n in range(count))
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", count) + entries + bytes(4)


def _tiff(*entries: tuple[int, int, int, int]) -> bytes:
    directory = b"".join(
        struct.pack(">HHI", tag, kind, count)
        + struct.pack(">HH" if kind == 3 else ">I", *([value, 0][: 3 - kind // 2]))
        for tag, kind, count, value in entries
    )
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + directory + bytes(4)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg_with(extra: bytes) -> bytes:
    plain = _saved("JPEG")
    return plain[:2] + extra + plain[2:]


def _jpeg_of_scans(count: int) -> bytes:
    plain = _saved("JPEG", progressive=True)
    last = plain[plain.rindex(b"\xff\xda") : -2]
    return plain[:-2] + last * count + plain[-2:]


def _gif(*, extra: bytes = b"", canvas: tuple[int, int] = (8, 8), frame: tuple[int, int] = (8, 8)) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(6)
    return start + extra + b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00;"


def _bmp(width: int, height: int, compression: int) -> bytes:
    numbers = (40, width, height, 1, 8, compression, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078, 0, 0, 1078) + struct.pack("<IiiHHIIiiII", *numbers) + bytes(1024)


_LONG, _SHORT = 4, 3
_BOMB = zlib.compress(bytes(2**24), 9)

TRAPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "png chunks": (lambda: _png(_chunk(b"abCd", b"") * 70_000), "more than 65536 chunks"),
    "png text of 16 MB": (lambda: _png(_chunk(b"zTXt", b"k\0\0" + _BOMB)), "too large"),
    "png profile of 16 MB": (lambda: _png(_chunk(b"iCCP", b"k\0\0" + _BOMB)), "too large"),
    "png of one long row": (lambda: _png(width=64_000_000, height=1), "65535 a side"),
    "png exif": (lambda: _png(_chunk(b"eXIf", _entries(60_000, size=700_000))), "values that are too long"),
    "jpeg segments": (lambda: _jpeg_with(_segment(0xE5, b"") * 5_000), "more than 4096 segments"),
    "jpeg bytes": (lambda: _jpeg_with(_segment(0xE5, bytes(65_000)) * 600), "bytes before its pixels"),
    "jpeg fill bytes": (lambda: b"\xff\xd8" + b"\xff" * 100_000, "bytes between its segments"),
    "jpeg scans": (lambda: _jpeg_of_scans(60), "more than 64 scans"),
    "jpeg exif": (
        lambda: _jpeg_with(_segment(0xE1, b"Exif\0\0" + _entries(5_000, size=60_000))),
        "values that are too long",
    ),
    "gif canvas": (lambda: _gif(canvas=(65_535, 65_535)), "more than 64000000"),
    "gif frame": (lambda: _gif(frame=(60_000, 60_000)), "more than 64000000"),
    "gif comments": (lambda: _gif(extra=b"\x21\xfe" + b"\x01x" * 70_000 + b"\0"), "more than 65536 blocks"),
    "gif extensions": (lambda: _gif(extra=b"\x21\xfe\0" * 70_000), "more than 65536 blocks"),
    "gif junk": (lambda: _gif(extra=bytes(10_000)), "bytes between its blocks"),
    "bmp run lengths": (lambda: _bmp(4096, 4096, 1), "run lengths may have at most"),
    "bmp side": (lambda: _bmp(100_000, -1, 0), "65535 a side"),
    "webp canvas": (
        lambda: b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + b"\xff\x3f\0" * 2 + bytes(40),
        "more than 32000000",
    ),
    "webp frames": (lambda: b"RIFF\0\0\0\0WEBPVP8X\x0a" + bytes(30) + b"ANMF" * 70_000, "more than 65536"),
    "tiff values": (lambda: _entries(60_000, size=700_000), "values that are too long"),
    "tiff numbers": (lambda: _tiff((273, _LONG, 300_000, 8)), "values that are too long"),
    "tiff ring": (lambda: b"MM\0*\0\0\0\x08\0\0\0\0\0\x08", "run in a ring"),
    "tiff tile": (
        lambda: _tiff((256, _LONG, 1, 16), (257, _LONG, 1, 16), (322, _LONG, 1, 60_000), (323, _LONG, 1, 60_000)),
        "strips or tiles of more than",
    ),
    "tiff strip": (
        lambda: _tiff((256, _LONG, 1, 8000), (257, _LONG, 1, 8000), (258, _SHORT, 1, 16), (277, _SHORT, 1, 4)),
        "strips or tiles of more than",
    ),
    "tiff size": (
        lambda: _tiff((256, _LONG, 1, 60_000), (257, _LONG, 1, 60_000), (278, _LONG, 1, 1)),
        "more than 64000000",
    ),
    "tiff size twice": (
        lambda: _tiff((256, _LONG, 1, 60_000), (256, _LONG, 1, 4), (257, _LONG, 1, 60_000)),
        "entry 256 twice",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_trap_is_refused_by_its_own_sentence_and_at_once(trap: str) -> None:
    make, words = TRAPS[trap]
    content = make()
    before = time.process_time()

    with pytest.raises(ImageError, match=words):
        open_picture(content, "L")
    assert time.process_time() - before < 2


@pytest.mark.parametrize(
    "content",
    [
        _saved("PNG"),
        _saved("JPEG"),
        _saved("JPEG", progressive=True),
        _saved("JPEG", mode="CMYK", progressive=True),
        _saved("JPEG", exif=b"Exif\0\0" + b"MM\0*\0\0\0\x08\0\0\0\0\0\0"),
        _saved("GIF", save_all=True, append_images=[Image.new("L", (256, 256))]),
        _saved("BMP"),
        _saved("WebP", lossless=True),
        _saved("WebP"),
        _saved("WebP", mode="RGBA", save_all=True, append_images=[Image.new("RGBA", (256, 256))]),
        _saved("TIFF"),
        _saved("TIFF", compression="jpeg"),
        _saved("TIFF", compression="tiff_lzw", save_all=True, append_images=[Image.new("L", (256, 256))]),
    ],
    ids=range(13),
)
def test_header_of_a_sound_file_says_its_size(content: bytes) -> None:
    kind = next(kind for kind, start in (("JPEG", b"\xff\xd8"), ("GIF", b"GIF"), ("BMP", b"BM"), ("WebP", b"RIFF"),
                                         ("PNG", b"\x89"), ("TIFF", b"II")) if content.startswith(start))  # fmt: skip

    assert headers.declared_size(kind, content) == (256, 256)
    assert open_picture(content, "L").size == (256, 256)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WebP", "TIFF"])
def test_header_cut_anywhere_is_left_to_the_decoder(kind: str) -> None:
    content = _saved(kind)

    for end in range(200):
        headers.declared_size(kind, content[:end])


def test_bytes_behind_a_motion_photo_are_not_taken_for_scans() -> None:
    content = _saved("JPEG", progressive=True) + b"\xff\xda" * 10_000

    assert open_picture(content, "L").size == (256, 256)


def test_directories_tell_the_first_number_of_each_entry() -> None:
    for order in "<>":
        entries = struct.pack(f"{order}HHIHHHHII", 256, 3, 1, 640, 0, 257, 4, 1, 480)
        content = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, 2) + entries + bytes(4)

        assert directories.read_directories(content) == {256: 640, 257: 480}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP"])
def test_every_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    content = io.BytesIO()
    picture = Image.linear_gradient("L").convert("RGB").crop((0, 0, 48, 32))
    picture.putpixel((1, 2), (255, 0, 0))
    picture.save(content, kind, exif=exif, **({"lossless": True} if kind == "WebP" else {}))

    with Image.open(content) as again:
        expected = ImageOps.exif_transpose(again).convert("L")
    assert open_picture(content.getvalue(), "L").tobytes() == expected.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"])
@pytest.mark.parametrize("target", ["L", "RGB"])
def test_bands_give_what_the_whole_picture_gives(mode: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (40, 30, 4), np.uint8)
    via = {"PA": "LA", "RGBa": "RGBA", "HSV": "RGB", "YCbCr": "RGB"}.get(mode, "RGBA")
    picture = Image.fromarray(colours, "RGBA").convert(via).convert(mode)

    whole = open_picture(picture, target)
    monkeypatch.setattr("vaeport.images.flattening._BAND_PIXELS", 70)

    assert open_picture(picture, target).tobytes() == whole.tobytes()


def test_16_bit_pictures_are_read_by_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = np.random.default_rng(0).integers(0, 65_536, (40, 30), np.uint16)
    monkeypatch.setattr("vaeport.images.flattening._BAND_PIXELS", 70)

    for picture in (Image.fromarray(levels), Image.fromarray(levels.astype(np.int32))):
        np.testing.assert_array_equal(np.asarray(open_picture(picture, "L")), levels // 257)


@pytest.mark.parametrize("mode", ["F", "LAB"])
def test_modes_without_grey_raise_image_error(mode: str) -> None:
    with pytest.raises(ImageError):
        open_picture(Image.new(mode, (4, 4)), "L")


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_picture_without_pixels_raises_image_error(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="which is no picture"):
        open_picture(Image.new("L", size), "L")


def test_closed_and_cut_and_huge_pil_images_raise_image_error() -> None:
    closed = Image.new("L", (4, 4))
    closed.close()
    cut = Image.open(io.BytesIO(_saved("PNG")[:300]))
    huge = Image.open(io.BytesIO(_png(width=9000, height=9000)))

    for picture, words in ((closed, "closed image"), (cut, "truncated|cannot read"), (huge, f"more than {MAX_PIXELS}")):
        with pytest.raises(ImageError, match=words):
            open_picture(picture, "L")


def test_given_pil_image_stays_as_it_was() -> None:
    picture = Image.new("RGBA", (4, 4), (1, 2, 3, 4))
    picture.getexif()[0x0112] = 6
    before = picture.tobytes()

    to_batch(picture, (1, 4, 4), polarity="dark-ink")

    assert (picture.mode, picture.tobytes(), picture.getexif()[0x0112]) == ("RGBA", before, 6)


def _warns() -> bytes:
    """A TIFF of which Pillow warns: a tag whose value lies behind the end."""
    plain = _saved("TIFF", mode="L")
    place = struct.unpack_from("<I", plain, 4)[0]
    count = struct.unpack_from("<H", plain, place)[0]
    entry = struct.pack("<HHII", 270, 2, 10**8, len(plain) + 9)
    entries = sorted([entry, *(plain[place + 2 + 12 * n : place + 14 + 12 * n] for n in range(count))])
    ordered = sorted(entries, key=lambda e: struct.unpack_from("<H", e)[0])
    return (
        plain[:4]
        + struct.pack("<I", len(plain))
        + plain[8:]
        + struct.pack("<H", count + 1)
        + b"".join(ordered)
        + bytes(4)
    )


def test_pillow_warns_of_this_file() -> None:
    with pytest.warns(UserWarning, match="larger than file"), Image.open(io.BytesIO(_warns())) as picture:
        picture.load()


def test_warnings_of_pillow_do_not_reach_the_caller() -> None:
    open_picture(_warns(), "L")  # warnings are errors here

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_picture(_warns(), "L")
        warnings.warn("the caller's own", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["the caller's own"]


def test_pillow_of_the_caller_warns_as_ever() -> None:
    open_picture(_warns(), "L")

    with pytest.warns(UserWarning, match="larger than file"), Image.open(io.BytesIO(_warns())) as picture:
        picture.load()


def test_threads_do_not_undo_each_others_silence() -> None:
    content, failed = _warns(), []

    def read() -> None:
        try:
            for _ in range(50):
                open_picture(content, "L")
        except Exception as error:  # noqa: BLE001 - a warning as an error among others
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def _cost(content: bytes, channels: int) -> tuple[float, float]:
    """Megabytes by which a child process grows at its highest, reading one picture, and processor seconds."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        try:
            to_batch(Image.new("L", (9, 9)), (channels, 28, 28))
            before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            to_batch(content, (channels, 28, 28))
            took = time.process_time() - began
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            os.write(writer, f"{grown / 1024} {took}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        megabytes, seconds = map(float, answer.read().split())
        return megabytes, seconds


def _largest_png(channels: int) -> bytes:
    """16 bits a channel and as many pixels as allowed, in rows of nothing."""
    side = int(MAX_PIXELS**0.5)
    packer = zlib.compressobj(1)
    row = bytes(1 + side * channels * 2)
    pixels = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", [1, 3])
def test_largest_16_bit_picture_stays_within_the_stated_memory(channels: int) -> None:
    megabytes, seconds = _cost(_largest_png(4), channels)

    assert megabytes < MOST_MEGABYTES
    assert seconds < 10


LARGEST: dict[str, tuple[str, str, dict[str, Any]]] = {
    "png 1": ("PNG", "1", {}),
    "png palette": ("PNG", "P", {"transparency": 3}),
    "png rgba": ("PNG", "RGBA", {"compress_level": 1}),
    "jpeg": ("JPEG", "RGB", {}),
    "jpeg progressive": ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    "jpeg cmyk": ("JPEG", "CMYK", {}),
    "gif": ("GIF", "L", {}),
    "bmp": ("BMP", "L", {}),
    "tiff lzw": ("TIFF", "RGBA", {"compression": "tiff_lzw"}),
    "tiff deflate": ("TIFF", "CMYK", {"compression": "tiff_adobe_deflate"}),
    "tiff turned": ("TIFF", "RGBA", {"compression": "tiff_adobe_deflate", "tiffinfo": {274: 6}}),
    "tiff jpeg": ("TIFF", "RGB", {"compression": "jpeg"}),
    "tiff 16": ("TIFF", "I;16", {"compression": "tiff_lzw"}),
    "tiff 32": ("TIFF", "I", {"compression": "tiff_adobe_deflate"}),
    "webp": ("WebP", "RGBA", {"method": 0}),
    "webp lossless": ("WebP", "RGBA", {"method": 0, "lossless": True, "quality": 0}),
}


@pytest.mark.torture
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("largest", LARGEST)
def test_largest_picture_of_each_kind_stays_within_the_stated_memory(largest: str, channels: int) -> None:
    kind, mode, options = LARGEST[largest]
    side = int((32_000_000 if kind == "WebP" else MAX_PIXELS) ** 0.5)
    levels = (np.arange(side, dtype=np.uint32)[:, None] // 50 + np.arange(side, dtype=np.uint32) // 70) % 256
    content = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).convert(mode).save(content, kind, **options)

    megabytes, seconds = _cost(content.getvalue(), channels)

    assert megabytes < MOST_MEGABYTES
    assert seconds < 10


def test_limits_of_pillow_itself_are_what_the_readers_count_on() -> None:
    assert PngImagePlugin.MAX_TEXT_CHUNK <= 2**20
    assert PngImagePlugin.MAX_TEXT_MEMORY <= 2**26
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert MAX_SIDE < 2**16


def test_picture_of_the_longest_side_is_fitted_quickly(tmp_path: Path) -> None:
    Image.new("L", (MAX_SIDE, 900), 255).save(tmp_path / "long.png", compress_level=1)
    before = time.process_time()

    to_batch(tmp_path / "long.png", (1, 28, 28))
    to_batch(tmp_path / "long.png", (1, 28, 28), fit="mnist")

    assert time.process_time() - before < 10
