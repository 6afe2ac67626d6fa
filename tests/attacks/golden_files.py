"""Hostile `golden.npz` files, written byte by byte: what numpy would never write."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from .archives import Entry, archive, replaced
from .bundles import tiny, with_file


def npy(header: str, content: bytes, *, version: tuple[int, int] = (1, 0), length: int | None = None) -> bytes:
    """An array file.

    Args:
        header: the text that says its type and shape.
        content: what stands behind the header.
        version: of the format.
        length: bytes of the header that the file claims; None for the true number.
    """
    text = header.encode("latin1") + b"\n"
    size = len(text) if length is None else length
    packed = struct.pack("<H" if version == (1, 0) else "<I", size)
    return b"\x93NUMPY" + bytes(version) + packed + text + content


def entries_of_golden(bundle: Path) -> list[Entry]:
    """The arrays of a clean golden file, as stored entries."""
    import zipfile

    with zipfile.ZipFile(bundle / "golden.npz") as file:
        return [Entry(name.encode(), file.read(name)) for name in file.namelist()]


def with_array(folder: Path, **fields: object) -> Path:
    """The tiny bundle whose golden array `labels` has other fields of an `Entry`."""
    return with_arrays(folder, lambda entries: replaced(entries, "labels.npy", **fields))


def with_arrays(folder: Path, change: Callable[[list[Entry]], list[Entry]]) -> Path:
    """The tiny bundle with other entries in its golden file."""
    bundle = tiny(folder)
    return with_file(bundle, "golden.npz", archive(change(entries_of_golden(bundle))))
