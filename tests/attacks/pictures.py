"""Hostile image files, written byte by byte: what Pillow would never write."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG, its checksum right."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    """A PNG.

    Args:
        width: pixels that its header claims.
        height: rows that its header claims.
        more: chunks between the header and the pixels.
        depth: bits a sample.
        colour: 0 grey, 2 RGB, 3 a palette, 6 RGBA.
        rows: the pixels, before they are compressed.
    """
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def tiff(*tags: tuple[int, int, int, int], after: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory.

    Args:
        tags: number, type, count and value or offset of each.
        after: what stands behind the directory.
    """
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + after


def saved(folder: Path, name: str, content: bytes) -> Path:
    """Write a file into the folder."""
    (folder / name).write_bytes(content)
    return folder / name
