"""The files of a bundle in a folder: plain files in plain folders, read without following a link."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..contract import MANIFEST_FILE
from ..errors import BundleError, SealError
from .limits import MAX_FILES, MAX_FOLDER_DEPTH

_PIECE = 2**20


@dataclass(frozen=True)
class FolderFiles:
    """A folder."""

    path: Path
    """Absolute path."""

    def names(self) -> list[str]:
        """Every file by its path inside, with forward slashes.

        Raises:
            SealError: a link, an empty folder, or more or deeper files than a bundle has.
        """
        names: list[str] = []
        for name in _walk(self.path, self.path):
            if len(names) > MAX_FILES:
                raise SealError(f"broken seal, there are more than {MAX_FILES} files; is this the folder you meant?")
            names.append(name)
        return names

    def has_folder(self, name: str) -> bool:
        """Whether anything stands at a name."""
        return os.path.lexists(self.path / name)

    def read(self, name: str, *, most: int) -> bytes | None:
        """Content of a file, None if it is larger than `most` bytes.

        Raises:
            FileNotFoundError: it is not there.
            SealError: it is a link, a pipe or a device.
            BundleError: it cannot be read.
        """
        with open_plain(self.path, name) as (file, size):
            return file.read(size) if size <= most else None

    def sha256(self, name: str, *, size: int) -> str | None:
        """Lower-case hexadecimal SHA-256 of a file, None if it has another size; errors as of `read`."""
        with open_plain(self.path, name) as (file, found):
            if found != size:
                return None
            digest = hashlib.sha256()
            while piece := file.read(_PIECE):
                digest.update(piece)
            return digest.hexdigest()


@contextmanager
def open_plain(root: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """A plain file, open for reading, and its size in bytes; links, pipes and devices are refused.

    Args:
        root: folder that may be trusted to be one.
        name: path inside it, with forward slashes; none of its parts may be a link, even if it has just become one.

    Raises:
        FileNotFoundError: it is not there.
        SealError: it, or a folder on the way, is a link, a pipe, a socket or a device.
        BundleError: it cannot be read.
    """
    try:
        descriptor = _opened(root, name)
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        raise SealError(f"broken seal, a folder of {name} is a link or no folder") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SealError(f"broken seal, {name} is a link; a bundle holds plain files only") from error
        if error.errno == errno.ENXIO:
            raise SealError(f"broken seal, {name} is no plain file") from error
        raise BundleError(f"cannot read {name}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SealError(f"broken seal, {name} is no plain file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            try:
                yield file, status.st_size
            except OSError as error:
                raise BundleError(f"cannot read {name}: {error.strerror or error}") from error
    finally:
        os.close(descriptor)


_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _opened(root: Path, name: str) -> int:
    """A descriptor of a file, each folder on the way opened from the one before it, so that no link is followed."""
    *folders, last = name.split("/")
    if not folders or os.open not in os.supports_dir_fd:
        return os.open(root / name, _PLAIN)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(last, _PLAIN, dir_fd=folder)
    finally:
        os.close(folder)


def _walk(root: Path, folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = Path(entry.path).relative_to(root).as_posix()
            if entry.is_symlink():
                raise SealError(f"broken seal, {name!r:.100} is a link; a bundle holds plain files only")
            if not entry.is_dir(follow_symlinks=False):
                yield name
                continue
            if name.count("/") >= MAX_FOLDER_DEPTH:
                raise SealError(f"broken seal, {name!r:.100} is deeper than any file of a bundle")
            empty = True
            for inner in _walk(root, Path(entry.path)):
                empty = False
                yield inner
            if empty:
                raise SealError(f"broken seal, the empty folder {name!r:.100} is not in {MANIFEST_FILE}")
