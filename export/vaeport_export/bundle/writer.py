"""Seal a folder and put it in its place: a crash at any moment leaves the old bundle or the new one."""

import ctypes
import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vaeport.bundle.manifest import FileEntry, Manifest
from vaeport.bundle.opening import open_bundle
from vaeport.common.fileio import write_text
from vaeport.contract import MANIFEST_FILE
from vaeport.errors import BundleError, InputError, OutputError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def check_place(target: Path, *, replace: bool) -> None:
    """Refuse to write where something stands, but for an intact bundle that may be replaced.

    Raises:
        InputError: something stands there that is no bundle, a bundle that is not to be replaced, or one that somebody
            has changed or put files into, which would be lost.
    """
    if not os.path.lexists(target) or (_is_plain_folder(target) and not any(target.iterdir())):
        return
    if not _is_plain_folder(target) or not (target / MANIFEST_FILE).is_file():
        raise InputError(f"{target} exists and is no bundle; choose another place")
    if not replace:
        raise InputError(f"{target} holds a bundle already; give --replace to put the new one in its place")
    try:
        open_bundle(target)
    except BundleError as error:
        raise InputError(f"only an intact bundle is replaced; look first at what stands there: {error}") from error


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A folder beside the target to build in; gone at the end, whatever happens, unless `put_in_place` moved it.

    Raises:
        OutputError: it cannot be made, or a file in it cannot be written.
    """
    stage: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        stage.chmod(0o755)
        yield stage
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write {target}: {error.strerror or error}; nothing was left there") from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write `bundle.json` with size and SHA-256 of every file in the folder, and check it as a reader would.

    Returns:
        The manifest with its list of files.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {path.relative_to(folder).as_posix(): _entry(path) for path in paths}
    sealed = dataclasses.replace(manifest, files=entries)
    write_text(folder / MANIFEST_FILE, sealed.to_json())
    open_bundle(folder)
    return sealed


def put_in_place(stage: Path, target: Path, *, replace: bool) -> None:
    """Rename a finished folder to its place; an older bundle there is exchanged for it in one step.

    Raises:
        InputError: something has come to stand there meanwhile that may not be replaced.
        OutputError: the rename failed; the old bundle still stands.
    """
    check_place(target, replace=replace)
    try:
        for path in sorted(stage.rglob("*")):
            _sync(path)
        if replace and target.exists() and any(target.iterdir()):
            _exchange(stage, target)
        else:
            stage.replace(target)  # the system refuses a folder that is not empty
        _sync(target.parent)
    except OSError as error:
        raise OutputError(f"cannot put the bundle at {target}: {error.strerror or error}") from error


def _exchange(stage: Path, target: Path) -> None:
    """Swap two folders: atomically where the system can (Linux, renameat2), else by two renames with a way back."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is not None:
        paths = (os.fsencode(stage), os.fsencode(target))
        if rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
            return
    aside = stage.with_name(f"{stage.name}.old")
    target.replace(aside)
    try:
        stage.replace(target)
    except BaseException:
        aside.replace(target)
        raise
    shutil.rmtree(aside)


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entry(path: Path) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(len(content), hashlib.sha256(content).hexdigest())


def _sync(path: Path) -> None:
    """Force a file or folder to the disk before the rename makes it count; Windows opens no folders."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
