"""Writing files and folders so that a reader sees the old content or the new one, and nothing between.

What is being written stands under a passing name beside its place (see `passing`), is forced to the disk, and is then
renamed; the rename is forced to the disk last. If writing fails, what stood there is unchanged and nothing is left.
After a crash or `kill -9` the next writer to the same folder clears what was left.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..errors import OutputError, VaeportError
from .arguments import file_path
from .passing import aside_path, passing_file, passing_folder, sync_names

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_MANY_FILES = 64
_PRIVATE = 0o700


def write_atomic(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file beside its place and rename it in; what stood there stays until then.

    A file that is replaced leaves its permissions to the new one; a new file has those that the umask gives. A link to
    a file is replaced itself, and what it leads to is left alone.

    Args:
        path: where the file shall stand; its folder is made if missing.
        write: called with the open binary file.

    Raises:
        InputError: the path is no path.
        OutputError: the file cannot be written (no space, no permission, a folder in its place).
    """
    target = file_path(path, "path")
    if not target.name:
        raise OutputError(f"cannot write {str(path)!r}: a file name is needed")
    if os.path.lexists(target) and not target.is_file():
        raise OutputError(f"cannot write {target}: what stands there is no file; nothing was changed there")
    with _one_sentence(target), passing_file(target, mode=_permissions(target)) as (passing, file):
        write(file)
        file.flush()
        os.fsync(file.fileno())
        if os.name == "nt":
            file.close()  # Windows renames no open file; elsewhere the lock is held until the end
        passing.replace(target)
        sync_names(target.parent)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text with `write_atomic`."""
    return write_atomic(path, lambda file: file.write(text.encode("utf-8")))


def write_folder(path: str | os.PathLike[str], fill: Callable[[Path], object]) -> Path:
    """Make a folder beside its place and rename it in; an empty folder may stand there, nothing else.

    Args:
        path: where the folder shall stand.
        fill: called with the folder under its passing name.

    Raises:
        InputError: the path is no path.
        OutputError: something stands there, or came to stand there meanwhile, or it cannot be written.
    """
    target = file_path(path, "path").absolute()
    with _one_sentence(target):
        if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
            raise OutputError(f"cannot write {target}: something stands there already; choose another place")
    with staged_folder(target) as stage:
        fill(stage)
        move(stage, target)
    return target


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A folder beside the target to build in; gone at the end, whatever happens, unless it was moved to its place.

    It has the permissions of the folder that stands at the target, else those that the umask gives.

    Args:
        target: where it shall stand in the end, by `move` or `exchange_folders`.

    Raises:
        OutputError: it cannot be made, or a file in it cannot be written.
    """
    with _one_sentence(target), passing_folder(target, mode=_permissions(target)) as stage:
        yield stage


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder among the system's temporary ones, for this process alone; gone at the end.

    Args:
        name: what its passing name begins with.

    Raises:
        OutputError: it cannot be made, or the disk is full.
    """
    from tempfile import gettempdir  # slow to import

    place = None
    try:
        place = Path(gettempdir())
        with passing_folder(place / name, mode=_PRIVATE) as folder:
            yield folder
    except OSError as error:
        if isinstance(error, VaeportError) or (place and error.errno not in (errno.ENOSPC, errno.EDQUOT)):
            raise
        where = place or "any folder for temporary files"
        raise OutputError(
            f"cannot write to {where}: {error.strerror or error}; free space, or set TMPDIR to another folder"
        ) from error


def move(stage: Path, target: Path) -> None:
    """Force a file or folder to the disk and rename it; an empty folder may stand at the target.

    Raises:
        OSError: the target is not empty, or it cannot be synced or renamed; the target is as it was.
    """
    _sync_whole(stage)
    if os.name == "nt" and target.is_dir():
        target.rmdir()  # Windows renames to free places only
    stage.replace(target)
    sync_names(target.parent)


def exchange_folders(stage: Path, target: Path) -> None:
    """Force a folder to the disk and swap it with another: atomically where the system can (Linux, renameat2).

    Elsewhere by two renames, the second with a way back. What stood at the target stands at `stage` afterwards, or is
    gone.

    Raises:
        OSError: a folder cannot be synced or renamed; the target is as it was.
    """
    import ctypes  # slow to import, for a rare use

    _sync_whole(stage)
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    paths = os.fsencode(stage), os.fsencode(target)
    if rename is None or rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) != 0:
        aside = aside_path(target)
        target.replace(aside)
        try:
            stage.replace(target)
        except BaseException:
            aside.replace(target)
            raise
        aside.replace(stage)
    sync_names(target.parent)


def remove(path: Path) -> None:
    """Take away a file, or a folder with all that it holds; nobody sees half of it, and what cannot be is left."""
    with suppress(OSError):
        if not path.is_dir():
            path.unlink()
            return
        with passing_folder(path) as stage:
            path.replace(stage / path.name)


def _sync_whole(path: Path) -> None:
    """Force a file, or a folder with all that it holds, to the disk."""
    paths = [path, *path.rglob("*")] if path.is_dir() else [path]
    if len(paths) > _MANY_FILES and hasattr(os, "sync"):
        os.sync()  # one wait for all; what follows then finds nothing to do, but reports what went wrong
    for each in reversed(paths):
        if each.is_dir():
            sync_names(each)
        elif not each.is_symlink():
            _sync(each)


@contextmanager
def _one_sentence(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, VaeportError):
            raise
        raise OutputError(f"cannot write {target}: {error.strerror or error}; nothing was changed there") from error


def _permissions(target: Path) -> int | None:
    """Permissions of the file or folder that stands there; None for a link and where there is nothing."""
    try:
        mode = os.lstat(target).st_mode
    except OSError:
        return None
    return stat.S_IMODE(mode) & 0o777 if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
