"""A bundle as one file: a plain zip whose entries are stored, read into memory and never unpacked to the disk."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ..contract import MANIFEST_FILE
from ..errors import BundleError, SealError
from .folder import open_plain
from .limits import MAX_ARCHIVE_BYTES, MAX_FILES

SUFFIX = ".vaeport"
"""What the name of a zipped bundle ends with; what a file is, its content says."""

_ENCRYPTED = 0x0001 | 0x0040
_SIZES_BEHIND = 0x0008
_MOST_EXTRA = 64
"""Bytes of an entry's extra fields: other tools note times and owners there."""

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_END = struct.Struct("<4sHHHHIIH")
"""Local file header and end of the central directory, as PKWARE's APPNOTE has them (4.3.7, 4.3.16)."""

_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = (stat.S_IFREG | 0o644) << 16
_UNIX = 3


@dataclass(frozen=True)
class ArchiveFiles:
    """The files of a zip, in memory."""

    path: Path
    """Absolute path of the zip."""
    content: dict[str, bytes]
    """Content of each file by its path inside, with forward slashes."""

    def names(self) -> list[str]:
        """Every file by its path inside."""
        return list(self.content)

    def has_folder(self, name: str) -> bool:
        """Whether a file stands below a name."""
        return any(file.startswith(f"{name}/") for file in self.content)

    def read(self, name: str, *, most: int) -> bytes | None:
        """Content of a file, None if it is larger than `most` bytes.

        Raises:
            FileNotFoundError: it is not there.
        """
        if name not in self.content:
            raise FileNotFoundError(name)
        return self.content[name] if len(self.content[name]) <= most else None

    def sha256(self, name: str, *, size: int) -> str | None:
        """Lower-case hexadecimal SHA-256 of a file, None if it has another size; errors as of `read`."""
        content = self.read(name, most=size)
        return None if content is None or len(content) != size else hashlib.sha256(content).hexdigest()


def read_archive(path: Path) -> ArchiveFiles:
    """Read a zipped bundle into memory; what it holds is checked by `open_bundle`.

    Raises:
        BundleError: it is no zip, or larger than `MAX_ARCHIVE_BYTES`.
        SealError: an entry is compressed, encrypted, a link, doubled or damaged, or there are bytes that no entry has.
    """
    with open_plain(path.parent, path.name) as (file, size):
        if size > MAX_ARCHIVE_BYTES:
            raise BundleError(
                f"the file has {size} bytes, more than {MAX_ARCHIVE_BYTES}; unpack it and open the folder"
            )
        content = file.read(size)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return ArchiveFiles(path, _entries(archive, content))
    except (BundleError, MemoryError):
        raise
    except Exception as error:  # zipfile raises a dozen kinds for what is damaged
        problem = " ".join(str(error).split()) or type(error).__name__
        raise BundleError(f"it is a file, but no zip that can be read as a bundle: {problem}") from error


def write_archive(files: dict[str, bytes], to: str | Path) -> Path:
    """Write files as a zip whose bytes depend on them alone: entries stored, the manifest first, no times.

    Raises:
        OutputError: it cannot be written.
    """
    from ..common.fileio import write_atomic

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files, key=lambda name: (name != MANIFEST_FILE, name)):
            entry = zipfile.ZipInfo(name, _FIRST_MOMENT)
            entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
            archive.writestr(entry, files[name])
    return write_atomic(to, lambda file: file.write(content.getbuffer()))


def _entries(archive: zipfile.ZipFile, content: bytes) -> dict[str, bytes]:
    listed = archive.infolist()
    if len(listed) > MAX_FILES:
        raise SealError(f"broken seal, the zip has {len(listed)} entries, more than {MAX_FILES}")
    for entry in listed:
        _check_entry(entry, len(content))
    _check_layout(listed, content)
    files: dict[str, bytes] = {}
    parents = {entry.filename[: place + 1] for entry in listed for place in _slashes(entry.filename[:-1])}
    for entry in listed:
        if entry.filename in files:
            raise SealError(f"broken seal, the zip holds {entry.filename!r:.100} twice")
        if not entry.is_dir():
            files[entry.filename] = archive.read(entry)
        elif entry.file_size or entry.filename not in parents:
            raise SealError(f"broken seal, the empty folder {entry.filename!r:.100} is not in {MANIFEST_FILE}")
    return files


def _check_layout(listed: list[zipfile.ZipInfo], content: bytes) -> None:
    """The entries, one behind the other from the first byte, then their directory, then its end: nothing between."""
    broken = SealError("broken seal, the zip holds bytes before, between or behind its entries, or they overlap")
    end = len(content) - _END.size
    if end < 0:
        raise broken
    mark, disk, first_disk, here, count, size, start, comment = _END.unpack_from(content, end)
    if (mark, disk, first_disk, here, comment) != (b"PK\x05\x06", 0, 0, count, 0) or start + size != end:
        raise broken
    place = 0
    for entry in sorted(listed, key=lambda entry: entry.header_offset):
        if entry.header_offset != place or place + _LOCAL.size > start:
            raise broken
        flags, name, extra = _LOCAL.unpack_from(content, place)[2], *_LOCAL.unpack_from(content, place)[-2:]
        if flags & _SIZES_BEHIND or max(extra, len(entry.extra)) > _MOST_EXTRA or entry.comment:
            raise broken
        place += _LOCAL.size + name + extra + entry.file_size
    if place != start:
        raise broken


def _slashes(name: str) -> list[int]:
    return [place for place, character in enumerate(name) if character == "/"]


def _check_entry(entry: zipfile.ZipInfo, size: int) -> None:
    mode = stat.S_IFMT(entry.external_attr >> 16)
    expected = stat.S_IFDIR if entry.is_dir() else stat.S_IFREG
    if mode not in (0, expected):
        raise SealError(f"broken seal, the zip's {entry.filename!r:.100} is no plain file")
    if entry.flag_bits & _ENCRYPTED:
        raise SealError(f"broken seal, the zip's {entry.filename!r:.100} is encrypted")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise SealError(
            f"the zip's {entry.filename!r:.100} is compressed, but a bundle's entries are stored; "
            "make it with `vaeport pack`, or zip -0"
        )
    if entry.file_size > size:
        raise SealError(f"broken seal, the zip's {entry.filename!r:.100} claims more bytes than the file has")
