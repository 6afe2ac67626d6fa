"""A bundle on disk: found, checked against its seal, and read only in what the seal covers."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ..contract import MANIFEST_FILE
from ..errors import BundleError, BundleNotFoundError, SealError
from .manifest import FileEntry, Manifest, parse_manifest

DEFAULT_BUNDLE = "mnist"
"""Shipped bundle that the commands take when none is named."""

_MOST_DEPTH = 16

MAX_MANIFEST_BYTES = 4 * 2**20
"""A manifest is a few kilobytes; more than this is no manifest."""


@dataclass(frozen=True)
class Bundle:
    """A folder whose files are exactly those of its manifest. Made by `open_bundle`."""

    path: Path
    """Absolute path of the folder."""
    manifest: Manifest
    """What `bundle.json` says."""

    def read(self, name: str) -> bytes:
        """Content of one sealed file, hashed again on the way in, so that a swap since `open_bundle` is noticed.

        Raises:
            SealError: the file is not in the manifest, is missing, or has changed.
        """
        entry = self.manifest.files.get(name)
        if entry is None:
            raise SealError(f"{self.path}: {name!r} is not part of this bundle")
        return _read_sealed(self.path, name, entry)

    def has(self, folder: str) -> bool:
        """Whether a detachable folder is there."""
        return (self.path / folder).is_dir()


def open_bundle(path_or_name: str | os.PathLike[str]) -> Bundle:
    """Open a bundle by path, or by the name of one that ships with vaeport, and check its seal.

    Raises:
        BundleNotFoundError: no such folder, and no shipped bundle of that name.
        BundleError: the manifest is missing or cannot be read.
        SealError: a file is missing, extra, changed, linked or outside the folder.
    """
    path = _locate(path_or_name)
    manifest = parse_manifest(_read_manifest(path))
    _check_names(path, manifest)
    for name, entry in manifest.files.items():
        if not _detached(path, manifest, name):
            _read_sealed(path, name, entry)
    return Bundle(path, manifest)


def shipped_bundles() -> dict[str, Path]:
    """Bundles that ship with vaeport, by name: inside the installed package, or in `models/` of a checkout."""
    package = Path(__file__).resolve().parent.parent
    roots = (package / "bundles", package.parent.parent / "models")
    return {
        folder.name: folder
        for root in roots
        if root.is_dir()
        for folder in sorted(root.iterdir())
        if not folder.name.startswith(".") and (folder / MANIFEST_FILE).is_file()
    }


def _locate(path_or_name: str | os.PathLike[str]) -> Path:
    path = Path(path_or_name)
    if os.path.isdir(path):  # noqa: PTH112 - pathlib's raises for names that no system can have
        return path.resolve()
    shipped = shipped_bundles()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    names = ", ".join(shipped) or "none"
    problem = "is a file, not a bundle folder" if os.path.exists(path) else "does not exist"  # noqa: PTH110
    raise BundleNotFoundError(f"{_short(str(path_or_name))!r} {problem}, and is no shipped bundle (shipped: {names})")


def _short(name: str) -> str:
    return name if len(name) <= 200 else f"{name[:197]}..."


def _read_manifest(path: Path) -> bytes:
    try:
        content = _read_plain(path / MANIFEST_FILE, most=MAX_MANIFEST_BYTES)
    except FileNotFoundError as error:
        raise BundleError(f"{path} holds no {MANIFEST_FILE}, so it is no vaeport bundle") from error
    if content is None:
        raise BundleError(f"{path / MANIFEST_FILE} is larger than {MAX_MANIFEST_BYTES} bytes, so it is no manifest")
    return content


def _check_names(path: Path, manifest: Manifest) -> None:
    """The folder holds the manifest's files and no others, all of them plain files in plain folders."""
    found = set(_walk(path, path))
    expected = {name for name in manifest.files if not _detached(path, manifest, name)} | {MANIFEST_FILE}
    if missing := sorted(expected - found):
        raise SealError(f"{path}: broken seal, {missing[0]} is missing; fetch or export the bundle again")
    if extra := sorted(found - expected):
        raise SealError(f"{path}: broken seal, {extra[0]} is not in {MANIFEST_FILE}; remove it if it is yours")


def _detached(path: Path, manifest: Manifest, name: str) -> bool:
    top = name.partition("/")[0]
    return top in manifest.detachable and not os.path.lexists(path / top)


def _walk(root: Path, folder: Path) -> list[str]:
    names: list[str] = []
    with os.scandir(folder) as entries:
        listed = list(entries)
    for entry in listed:
        name = Path(entry.path).relative_to(root).as_posix()
        if entry.is_symlink():
            raise SealError(f"{root}: broken seal, {name} is a link; a bundle holds plain files only")
        if entry.is_dir(follow_symlinks=False):
            if name.count("/") >= _MOST_DEPTH:
                raise SealError(f"{root}: broken seal, {name[:100]} is deeper than any file of a bundle")
            inner = _walk(root, Path(entry.path))
            if not inner:
                raise SealError(f"{root}: broken seal, the empty folder {name} is not in {MANIFEST_FILE}")
            names += inner
        else:
            names.append(name)
    return names


def _read_sealed(root: Path, name: str, entry: FileEntry) -> bytes:
    changed = f"{root}: broken seal, {name} is not the file that was sealed; fetch or export the bundle again"
    try:
        content = _read_plain(root / name, most=entry.size)
    except FileNotFoundError as error:
        raise SealError(f"{root}: broken seal, {name} is missing; fetch or export the bundle again") from error
    if content is None or len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise SealError(changed)
    return content


def _read_plain(path: Path, *, most: int) -> bytes | None:
    """Content of a plain file, None if it is larger than `most` bytes; links, pipes and devices are refused."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SealError(f"{path} is a link; a bundle holds plain files only") from error
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SealError(f"{path} is no plain file")
        if status.st_size > most:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size)
    finally:
        os.close(descriptor)
