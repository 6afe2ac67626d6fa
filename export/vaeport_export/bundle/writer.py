"""Seal a folder and put it in its place: a crash at any moment leaves the old bundle or the new one."""

import dataclasses
import hashlib
import os
from pathlib import Path

from vaeport.bundle.manifest import FileEntry, Manifest
from vaeport.bundle.opening import open_bundle
from vaeport.common.fileio import exchange_folders, move, write_text
from vaeport.contract import MANIFEST_FILE
from vaeport.errors import BundleError, InputError, OutputError


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
        OutputError: the rename failed, or something came to stand there in the last moment; it stands there still.
    """
    check_place(target, replace=replace)
    try:
        if replace and target.exists() and any(target.iterdir()):
            exchange_folders(stage, target)
        else:
            move(stage, target)  # the system refuses a folder that is not empty
    except OSError as error:
        raise OutputError(f"cannot put the bundle at {target}: {error.strerror or error}") from error


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entry(path: Path) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(len(content), hashlib.sha256(content).hexdigest())
