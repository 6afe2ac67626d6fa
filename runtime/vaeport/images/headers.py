"""What an image file says of itself, read before a decoder sees a byte: its size, and whether its header is a trap.

Decoders loop in Python over the parts of a header, copy what its directories point to again and again, and reserve
memory for sizes that are only claimed. Here every part is counted first, and a file with more of them than any camera
or program writes is refused. Only what concerns size and cost is read; whether the rest is sound, the decoder says.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

Size = tuple[int, int]
"""Width and height in pixels."""

MAX_PARTS = 65_536
"""Chunks of a PNG, blocks of a GIF."""

MAX_SEGMENTS = 4_096
"""Segments of a JPEG before its pixels."""

MAX_HEADER_BYTES = 2**25
"""Bytes in the segments of a JPEG before its pixels, and in the values of a TIFF's directories."""

MAX_SCANS = 64
"""Scans of a JPEG; a decoder goes over all pixels once for each."""

MAX_KEPT_SAMPLES = 192_000_000
"""Pixels times colours of a JPEG of several scans, of which a decoder keeps two bytes each beside the picture."""

MAX_RLE_PIXELS = 2**23
"""Pixels, and bytes, of a BMP with run lengths, which Pillow decodes in Python."""

MAX_STRIP_BYTES = 2**28
"""Decoded bytes of one strip or tile of a TIFF; a decoder holds one beside the picture."""

_SKIPPED = 1024
"""Meaningless bytes between the parts of a file that are passed over."""

_RLE = (1, 2)
"""Compressions of a BMP."""

_JPEG_IN_TIFF = (6, 7, 34892)
"""Compressions of a TIFF."""

_END, _SCAN, _EXIF, _PROGRESSIVE = 0xD9, 0xDA, 0xE1, 2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers of a JPEG: those of frames, which have the size, and those without a length."""

_AFTER_SCAN = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""The marker at which a scan's coded pixels end."""


def declared_size(kind: str, content: bytes) -> Size | None:
    """Width and height as the header says, None where it says nothing.

    Args:
        kind: a name of `FORMATS`.
        content: the file.

    Raises:
        ValueError: a header that no program writes, and that would cost a decoder memory or time.
    """
    try:
        return _READERS[kind](content)
    except (struct.error, IndexError):
        return None  # cut off: the decoder says so better


def _png(content: bytes) -> Size | None:
    place, size = 8, None
    for _ in range(MAX_PARTS):
        if place + 8 > len(content):
            return size
        length, name = struct.unpack_from(">I4s", content, place)
        if name == b"IHDR":
            size = struct.unpack_from(">II", content, place + 8)
        elif name == b"IEND":
            return size
        place += 12 + length
    raise ValueError(f"it has more than {MAX_PARTS} chunks")


def _jpeg(content: bytes) -> Size | None:
    place, size, components, progressive, exif = 2, None, 0, False, []
    for _ in range(MAX_SEGMENTS):
        place = _marker(content, place)
        marker = content[place - 1]
        if marker == _END:
            return size
        length = 0 if marker in _ALONE else struct.unpack_from(">H", content, place)[0]
        if marker == _SCAN:
            break
        if marker in _FRAMES:
            height, width, components = struct.unpack_from(">HHB", content, place + 3)
            size, progressive = (width, height), marker & 3 == _PROGRESSIVE
        elif marker == _EXIF and content[place + 2 : place + 8] == b"Exif\0\0":
            exif.append(content[place + 8 : place + length])
        place += length
        if place > MAX_HEADER_BYTES:
            raise ValueError(f"it has more than {MAX_HEADER_BYTES} bytes before its pixels")
    else:
        raise ValueError(f"it has more than {MAX_SEGMENTS} segments before its pixels")
    check_exif(b"".join(exif))
    if progressive or content[place + 2] < components:  # else the first scan is the whole picture
        _count_scans(content, place)
        if size is not None and size[0] * size[1] * components > MAX_KEPT_SAMPLES:
            raise ValueError(f"a JPEG of several scans may have at most {MAX_KEPT_SAMPLES} pixels times colours")
    return size


def _marker(content: bytes, place: int) -> int:
    """Where the next marker ends."""
    for end in range(place + 2, place + _SKIPPED):
        if content[end - 2] == 0xFF and content[end - 1] not in (0x00, 0xFF):
            return end
    raise ValueError(f"it has more than {_SKIPPED} bytes between its segments")


def _count_scans(content: bytes, place: int) -> None:
    """Go from the first scan, at `place`, to the end of the picture; motion photos have other data behind it."""
    scans, segments = 1, 0
    while (found := _AFTER_SCAN.search(content, place)) is not None and found.group()[1] != _END:
        scans, segments = scans + (found.group()[1] == _SCAN), segments + 1
        if scans > MAX_SCANS or segments > MAX_SEGMENTS:
            raise ValueError(f"it has more than {MAX_SCANS} scans, each of which goes over all pixels")
        place = found.end() + struct.unpack_from(">H", content, found.end())[0]


def _gif(content: bytes) -> Size | None:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    place, skipped, blocks = 13 + _palette_bytes(flags), 0, 0
    while content[place] != 0x2C:  # the first picture
        if content[place] == 0x3B:
            return width, height
        if content[place] == 0x21:
            place += 2
            while content[place]:
                place, blocks = place + 1 + content[place], blocks + 1
                if blocks > MAX_PARTS:
                    raise ValueError(f"it has more than {MAX_PARTS} blocks before its first picture")
        else:
            skipped += 1
            if skipped > _SKIPPED:
                raise ValueError(f"it has more than {_SKIPPED} bytes between its blocks")
        place, blocks = place + 1, blocks + 1
        if blocks > MAX_PARTS:
            raise ValueError(f"it has more than {MAX_PARTS} blocks before its first picture")
    left, top, across, down = struct.unpack_from("<HHHH", content, place + 1)
    return max(width, left + across), max(height, top + down)


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(content: bytes) -> Size | None:
    frames = content.count(b"ANMF")
    if frames > MAX_PARTS:
        raise ValueError(f"it has {frames} frames, more than {MAX_PARTS}")
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _bmp(content: bytes) -> Size | None:
    header = struct.unpack_from("<I", content, 14)[0]
    if header == 12:  # OS/2
        width, height = struct.unpack_from("<HH", content, 18)
        return width, height
    width, height, _, _, compression = struct.unpack_from("<iiHHI", content, 18)
    width, height = abs(width), abs(height)
    if compression in _RLE and max(width * height, len(content)) > MAX_RLE_PIXELS:
        raise ValueError(f"a BMP with run lengths may have at most {MAX_RLE_PIXELS} pixels and as many bytes")
    return width, height


def _tiff(content: bytes) -> Size | None:
    from .directories import Tags, read_directories

    first = read_directories(content)
    width, height = first.get(Tags.WIDTH), first.get(Tags.HEIGHT)
    if width is None or height is None:
        return None
    across, down = first.get(Tags.TILE_WIDTH, width), first.get(Tags.TILE_HEIGHT, 0)
    if not down:
        down = min(first.get(Tags.ROWS_PER_STRIP, height), height)
    samples, bits = first.get(Tags.SAMPLES, 1), first.get(Tags.BITS, 1)
    if across * down * samples * -(-bits // 8) > MAX_STRIP_BYTES:
        raise ValueError(f"it has strips or tiles of more than {MAX_STRIP_BYTES} bytes")
    if first.get(Tags.COMPRESSION) in _JPEG_IN_TIFF:
        passes = content.count(b"\xff\xda") * across * down
        if passes > MAX_SCANS * max(width * height, across * down):
            raise ValueError(f"it has more than {MAX_SCANS} JPEG scans a pixel")
    return width, height


def check_exif(exif: bytes) -> None:
    """Refuse an EXIF block that would cost memory or time.

    Args:
        exif: the block, with or without its `Exif` heading.

    Raises:
        ValueError: too many entries, or values that are too long together.
    """
    from .directories import read_directories

    read_directories(exif.removeprefix(b"Exif\0\0"))


_READERS: dict[str, Callable[[bytes], Size | None]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "WebP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
}
