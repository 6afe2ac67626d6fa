"""Passing names: what a writer builds under until it is whole, and how what a dead writer left is known and cleared.

A passing file or folder stands beside its target as `.NAME.<machine>-<pid>-<random>.vaeport-tmp`. Its writer holds an
exclusive lock on it (`flock`), which the system releases when the writer dies, however that happens. The next writer to
the same folder takes away each one whose lock is free. Where that proves nothing, it must not have changed for a day:
where the system or file system has no such locks, its process must be gone too; another machine's, and what was there
before a restart, cannot be asked for their process. Files of other users, links and everything else are left alone.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, cast

_SUFFIX = ".vaeport-tmp"
_ASIDE = ".vaeport-old"
_HEX = frozenset("0123456789abcdef")
_FIELDS = (8, 8, 16)  # hexadecimal digits of machine, pid and random number
_MOST_NAME_BYTES = 255
_DAY = 86_400.0
_ATTEMPTS = 10
_REST = 20.0  # looking through a folder takes at most a twentieth of a writer's time
_QUICK = 1e-3

_not_before: dict[str, float] = {}


@contextmanager
def passing_file(target: Path, *, mode: int | None = None) -> Iterator[tuple[Path, IO[bytes]]]:
    """An empty file beside the target to write into; gone at the end, whatever happens, unless it was renamed.

    Missing folders on the way to the target are made, and taken away again if an exception leaves them empty.

    Args:
        target: where it will be renamed to.
        mode: its permissions; None takes those of a new file, as the umask has them.

    Yields:
        Its path, and the file, open for writing in binary and locked until it is closed.

    Raises:
        OSError: it cannot be made.
    """

    def create(path: Path) -> _Held:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags, 0o666 if mode is None else mode), "wb")
        if mode is not None and hasattr(os, "fchmod"):
            with suppress(OSError):  # a file system without permissions
                os.fchmod(file.fileno(), mode)
        return _Held(file.fileno(), file.close, file)

    with _passing(target, create, os.unlink) as (path, held):
        yield path, cast("IO[bytes]", held.file)


@contextmanager
def passing_folder(target: Path, *, mode: int | None = None) -> Iterator[Path]:
    """An empty folder beside the target to build in; gone at the end, whatever happens, unless it was renamed.

    Args:
        target: as of `passing_file`.
        mode: as of `passing_file`; its owner may always read and write it.

    Raises:
        OSError: it cannot be made.
    """
    from shutil import rmtree  # with its compressors slow to import, for the rarest use

    def create(path: Path) -> _Held:
        path.mkdir(mode=0o777 if mode is None else mode | 0o700)
        if mode is not None:
            path.chmod(mode | 0o700)
        if os.name == "nt":  # opens no folders
            return _Held(None, lambda: None)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        return _Held(descriptor, lambda: os.close(descriptor))

    with _passing(target, create, lambda path: rmtree(path, ignore_errors=True)) as (path, _):
        yield path


def aside_path(target: Path) -> Path:
    """A name beside the target for what is being replaced; cleared later only while something stands at the target."""
    return _beside(target, _ASIDE)


def clear_dead(folder: Path) -> None:
    """Take away what dead writers left in a folder; what cannot be read or removed is passed over in silence."""
    place, began = str(folder), time.monotonic()
    if began < _not_before.get(place, 0.0):
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith((_SUFFIX, _ASIDE)) and (owner := _owner(name)) is not None:
                with suppress(OSError):
                    _clear(entry, *owner)
    took = time.monotonic() - began
    if took > _QUICK:
        _not_before[place] = began + _REST * took


def sync_names(folder: Path) -> None:
    """Force the names in a folder to the disk; where the system cannot, what was renamed stands all the same."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class _Held:
    """What was made under a passing name."""

    descriptor: int | None
    """To be locked; None where the system cannot."""
    close: Callable[[], None]
    """Lets go of it, and of the lock."""
    file: IO[bytes] | None = None
    """Open for writing, where it is a file."""


@contextmanager
def _passing(
    target: Path, create: Callable[[Path], _Held], remove: Callable[[Path], object]
) -> Iterator[tuple[Path, _Held]]:
    folders: list[Path] = []
    path, done = _beside(target, _SUFFIX), False
    held: _Held | None = None
    try:
        for attempt in range(_ATTEMPTS):
            _make_folders(target.parent, folders)
            if not attempt:
                clear_dead(target.parent)
            path = _beside(target, _SUFFIX)
            try:
                held = create(path)
            except FileNotFoundError:  # another writer took away a folder that it had made and that was empty still
                continue
            if held.descriptor is None or _is_ours(held.descriptor, path):
                break
            held.close()  # another writer took it for dead in the moment before it was locked
            held = None
        else:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
        yield path, held
        for folder in folders:
            sync_names(folder.parent)
        done = True
    finally:
        with suppress(OSError):
            if held is not None:
                held.close()
        with suppress(OSError):
            remove(path)
        for folder in () if done else reversed(folders):
            with suppress(OSError):
                folder.rmdir()


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and its parents where they are missing, and add each to the list of those that were made."""
    for each in reversed((folder, *folder.parents)):
        if not os.path.isdir(each):  # noqa: PTH112 - Path.is_dir raises for names that are too long
            try:
                each.mkdir()
            except FileExistsError:
                if not each.is_dir():
                    raise
            else:
                made.append(each)


def _beside(target: Path, suffix: str) -> Path:
    mark = f".{_machine()}-{os.getpid():08x}-{os.urandom(8).hex()}{suffix}"
    name = os.fsencode(target.name)[: _MOST_NAME_BYTES - len(mark) - 1].decode("utf-8", "ignore")
    return target.with_name(f".{name}{mark}")


def _owner(name: str) -> tuple[str, int] | None:
    """Machine and pid in a passing name; None for any other name."""
    stem, _, mark = name[: -len(_SUFFIX)].rpartition(".")
    fields = mark.split("-")
    if not stem.startswith(".") or tuple(map(len, fields)) != _FIELDS or not _HEX.issuperset("".join(fields)):
        return None
    return fields[0], int(fields[1], 16)


def _clear(entry: os.DirEntry[str], machine: str, pid: int) -> None:
    is_folder = entry.is_dir(follow_symlinks=False)
    if not is_folder and not entry.is_file(follow_symlinks=False):
        return
    if entry.name.endswith(_ASIDE) and not os.path.lexists(_place_of(entry)):
        return  # the only copy of what stood there
    if os.name == "nt":
        if _is_old(entry.stat(follow_symlinks=False)):
            _remove(entry.path, is_folder=is_folder)
        return
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        same = os.path.samestat(found, os.lstat(entry.path))
        if same and found.st_uid == os.geteuid() and _is_dead(descriptor, found, machine, pid):
            _remove(entry.path, is_folder=is_folder)
    finally:
        os.close(descriptor)


def _place_of(entry: os.DirEntry[str]) -> str:
    name = entry.name[: -len(_ASIDE)].rpartition(".")[0].removeprefix(".")
    return os.path.join(os.path.dirname(entry.path), name)  # noqa: PTH118, PTH120 - a string, as the entry has it


def _remove(path: str, *, is_folder: bool) -> None:
    if is_folder:
        from shutil import rmtree

        rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)  # noqa: PTH108 - a string, as the entry has it


def _is_dead(descriptor: int, found: os.stat_result, machine: str, pid: int) -> bool:
    """Whether nobody can still be writing to it; holds the lock if so."""
    locked = _lock(descriptor)
    here = machine == _machine()
    if locked is False:
        return False
    if locked and here:
        return True
    return _is_old(found) and not (here and _is_alive(pid))


def _is_old(found: os.stat_result) -> bool:
    return time.time() - found.st_mtime > _DAY


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_ours(descriptor: int, path: Path) -> bool:
    """Lock what was just made; False where another writer took it for dead before."""
    if _lock(descriptor) is False:
        return False
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool | None:
    """Take the exclusive lock: True; False where somebody else holds it, None where there are no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@cache
def _machine() -> str:
    """Eight digits that tell this machine, since it was started, from others."""
    import zlib

    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        boot = os.fsencode(os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", ""))
    return f"{zlib.crc32(boot):08x}"
