"""Hostile zip files, written field by field: what zipfile would never write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .bundles import tiny

STORED, DEFLATED = 0, 8
_UNIX = 3 << 8


@dataclass(frozen=True)
class Entry:
    """One entry; what stands in the headers may differ from what is there."""

    name: bytes
    """Its name in the central directory."""
    content: bytes
    """Its bytes as they lie in the file."""
    method: int = STORED
    """How they are compressed."""
    size: int | None = None
    """Size that the headers claim for the decompressed content; None for the true one of stored content."""
    packed: int | None = None
    """Size that the headers claim for the bytes in the file; None for the true one."""
    crc: int | None = None
    """Checksum that the headers claim; None for the true one of stored content."""
    flags: int = 0x800
    """General purpose flags; 0x800 says that the name is UTF-8, 1 that the entry is encrypted."""
    mode: int = 0o100644
    """Unix file type and permissions."""
    local_name: bytes | None = None
    """Its name in the local header, where that differs."""
    extra: bytes = b""
    """Extra field of both headers."""
    at: int | None = None
    """Offset of the local header that the directory claims; None for the true one."""
    comment: bytes = b""
    """Comment in the central directory."""


def entries_of(bundle: Path) -> list[Entry]:
    """Every file of a bundle as a stored entry."""
    names = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
    return [Entry(name.encode(), (bundle / name).read_bytes()) for name in names]


def zipped(bundle: Path, path: Path) -> Path:
    """A clean zip of a bundle."""
    path.write_bytes(archive(entries_of(bundle)))
    return path


def hostile(folder: Path, change: Callable[[list[Entry]], Sequence[Entry]]) -> Path:
    """The zip of the tiny bundle with other entries."""
    path = folder / "hostile.vaeport"
    path.write_bytes(archive(change(entries_of(tiny(folder)))))
    return path


def hostile_bytes(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """The zip of the tiny bundle with other bytes."""
    path = folder / "hostile.vaeport"
    path.write_bytes(change(archive(entries_of(tiny(folder)))))
    return path


def replaced(entries: Sequence[Entry], name: str, **fields: object) -> list[Entry]:
    """The entries with other fields in one of them."""
    assert any(entry.name == name.encode() for entry in entries), name
    return [replace(entry, **fields) if entry.name == name.encode() else entry for entry in entries]  # type: ignore[arg-type]  # fields of Entry


def deflated(content: bytes, *, level: int = 9) -> bytes:
    """Content as the method DEFLATED has it."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def archive(entries: Sequence[Entry], *, comment: bytes = b"", count: int | None = None) -> bytes:
    """The bytes of a zip file.

    Args:
        entries: in their order.
        comment: at the end of the file.
        count: entries that the end of the directory claims; None for the true number.
    """
    body, directory = bytearray(), bytearray()
    for entry in entries:
        at = len(body) if entry.at is None else entry.at
        sizes = _sizes(entry)
        local = entry.name if entry.local_name is None else entry.local_name
        fixed = struct.pack("<HHHHH", 20, entry.flags, entry.method, 0, 0x21)
        body += b"PK\3\4" + fixed + sizes + struct.pack("<HH", len(local), len(entry.extra)) + local + entry.extra
        body += entry.content
        names = struct.pack("<HHH", len(entry.name), len(entry.extra), len(entry.comment))
        directory += b"PK\1\2" + struct.pack("<H", _UNIX | 20) + fixed + sizes + names
        directory += struct.pack("<HHII", 0, 0, entry.mode << 16, at) + entry.name + entry.extra + entry.comment
    number = len(entries) if count is None else count
    end = struct.pack("<HHHHIIH", 0, 0, number, number, len(directory), len(body), len(comment))
    return bytes(body + directory + b"PK\5\6" + end + comment)


def _sizes(entry: Entry) -> bytes:
    crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
    packed = len(entry.content) if entry.packed is None else entry.packed
    size = len(entry.content) if entry.size is None else entry.size
    return struct.pack("<III", crc, packed, size)
