"""The directories of a TIFF file or an EXIF block (TIFF 6.0, BigTIFF): counted, and a few of their numbers read.

A directory is a few bytes that can point anywhere: thousands of entries may each claim the whole file as their value,
and directories may follow one another in a ring. Pillow copies every value of every directory that it meets.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, field

MAX_DIRECTORIES = 4_096
"""Directories of a file: its pages, and those of EXIF, GPS and interoperability."""

MAX_ENTRIES = 65_536
"""Entries of all directories together."""

MAX_VALUE_BYTES = 2**25
"""Bytes in all values together."""

MAX_NUMBERS = 2**18
"""Numbers in one value, offsets of strips for instance."""


class Tags:
    """The entries that decide what a picture costs."""

    WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES = 256, 257, 258, 259, 277
    ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT = 278, 322, 323


_DECISIVE = (256, 257, 258, 259, 277, 278, 322, 323)

_FOLLOWED = (34665, 34853, 40965)
"""EXIF, GPS, interoperability: entries whose value is the place of another directory."""

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}


@dataclass
class _Layout:
    """How this file writes numbers, and what was counted so far."""

    content: bytes
    """The file."""
    order: str
    """`<` or `>`."""
    big: bool
    """BigTIFF: counts and places have 64 bits."""
    directories: int = 0
    """Directories so far."""
    entries: int = 0
    """Entries so far."""
    value_bytes: int = 0
    """Bytes of their values so far."""
    waiting: list[int] = field(default_factory=list)
    """Places of directories to read."""

    def number(self, form: str, place: int) -> int:
        """One number of the file."""
        value: int = struct.unpack_from(self.order + form, self.content, place)[0]
        return value


def read_directories(content: bytes) -> dict[int, int]:
    """Count what all directories hold, and read the single numbers of the first.

    Args:
        content: a TIFF file, or an EXIF block, which has the same form.

    Returns:
        The first number of each entry of whole numbers, by the entry's tag; empty if there is no directory.

    Raises:
        ValueError: more directories, entries or values than any program writes.
    """
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None or len(content) < 8:
        return {}
    layout = _Layout(content, order, struct.unpack_from(f"{order}H", content, 2)[0] == 43)
    first: dict[int, int] = {}
    try:
        layout.waiting.append(layout.number("Q", 8) if layout.big else layout.number("I", 4))
    except struct.error:
        return {}
    while layout.waiting:
        layout.directories += 1
        if layout.directories > MAX_DIRECTORIES:
            raise ValueError(f"it has more than {MAX_DIRECTORIES} directories, or they run in a ring")
        found: dict[int, int] = {}
        with suppress(struct.error):  # cut off: the decoder says so better
            _read(layout, layout.waiting.pop(), found)
        first = first or found
    return first


def _read(layout: _Layout, place: int, found: dict[int, int]) -> None:
    """Count one directory, gather its numbers, and note the directories that it names."""
    count = layout.number("Q" if layout.big else "H", place)
    place += 8 if layout.big else 2
    step, inline = (20, 8) if layout.big else (12, 4)
    layout.entries += count
    if layout.entries > MAX_ENTRIES:
        raise ValueError(f"its directories have more than {MAX_ENTRIES} entries")
    for entry in range(place, place + step * count, step):
        tag, kind = layout.number("H", entry), layout.number("H", entry + 2)
        numbers = layout.number("Q" if layout.big else "I", entry + 4)
        size = _TYPE_BYTES.get(kind, 1) * numbers
        value = entry + step - inline
        if size > inline:
            value = layout.number("Q" if layout.big else "I", value)
            layout.value_bytes += min(size, len(layout.content))
            if layout.value_bytes > MAX_VALUE_BYTES or (numbers > MAX_NUMBERS and _TYPE_BYTES.get(kind, 1) > 1):
                raise ValueError("its directories have values that are too long")
        if kind in _NUMBERS and numbers and value + size <= len(layout.content):
            if tag in found and tag in _DECISIVE:
                raise ValueError(f"a directory has the entry {tag} twice")  # decoders differ in which one counts
            found[tag] = layout.number(_NUMBERS[kind], value)
            if tag in _FOLLOWED:
                layout.waiting.append(found[tag])
    following = layout.number("Q" if layout.big else "I", place + step * count)
    if following:
        layout.waiting.append(following)
