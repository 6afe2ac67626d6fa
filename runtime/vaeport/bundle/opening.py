"""A bundle on disk: found, checked against its seal, and read only in what the seal covers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..common.arguments import file_path
from ..common.plain import plain_text
from ..contract import MANIFEST_FILE
from ..errors import BundleError, BundleNotFoundError, SealError
from .digest import check_digest, has_digest, read_digest
from .folder import FolderFiles
from .limits import MAX_MANIFEST_BYTES
from .manifest import FileEntry, Manifest, parse_manifest

DEFAULT_BUNDLE = "mnist"
"""Shipped bundle that the commands take when none is named."""


class Files(Protocol):
    """Where a bundle's files are: a folder, or a zip in memory."""

    def names(self) -> list[str]:
        """Every file by its path inside, with forward slashes."""

    def has_folder(self, name: str) -> bool:
        """Whether a folder is there."""

    def read(self, name: str, *, most: int) -> bytes | None:
        """Content of a file, None if it is larger than `most` bytes; FileNotFoundError if it is not there."""

    def sha256(self, name: str, *, size: int) -> str | None:
        """Lower-case hexadecimal SHA-256 of a file, None if it has another size; errors as of `read`."""


@dataclass(frozen=True)
class Bundle:
    """Files that are exactly those of their manifest. Made by `open_bundle`."""

    path: Path
    """Absolute path of the folder or zip."""
    manifest: Manifest
    """What `bundle.json` says."""
    digest: str
    """`sha256:` and 64 hexadecimal digits: one number for the manifest and every file that it lists."""
    files: Files = field(repr=False, compare=False)
    """Where the files are."""
    kept: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Content of files that were read once to be checked and are wanted soon; whoever has used one takes it out."""

    def read(self, name: str) -> bytes:
        """Content of one sealed file, hashed again on the way in, so that a swap since `open_bundle` is noticed.

        Raises:
            SealError: the file is not in the manifest, is missing, or has changed.
        """
        with _named(self.path):
            entry = self.manifest.files.get(name)
            if entry is None:
                raise SealError(f"{name!r} is not part of this bundle")
            if (kept := self.kept.get(name)) is not None:
                return kept
            return _sealed(self.files, name, entry)

    def has(self, folder: str) -> bool:
        """Whether a detachable folder is there."""
        return self.files.has_folder(folder)

    def pack(self, path: str | os.PathLike[str]) -> Path:
        """Write the bundle as one file, a plain zip with its entries stored, which `open_bundle` takes as well.

        Args:
            path: where it shall stand, `mnist.vaeport` for instance.

        Raises:
            SealError: a file has changed since the bundle was opened.
            OutputError: it cannot be written.
        """
        from .archive import write_archive

        target = file_path(path, "path")
        with _named(self.path):
            manifest = _read_manifest(self.files)
            if read_digest(manifest) != self.digest:
                raise _changed(MANIFEST_FILE)
        present = set(self.files.names())
        sealed = {name: self.read(name) for name in self.manifest.files if name in present}
        return write_archive({MANIFEST_FILE: manifest, **sealed}, target)


def open_bundle(
    path_or_name: str | os.PathLike[str], *, digest: str | None = None, keep: Collection[str] = ()
) -> Bundle:
    """Open a bundle by path, or by the name of one that ships with vaeport, and check its seal.

    Args:
        path_or_name: a folder, a zip of it (`NAME.vaeport`), or the name of a shipped bundle.
        digest: the digest that the bundle must have, as `vaeport info` prints it; None takes any.
        keep: files that will be read soon: small ones stay in memory, so that they are hashed once.

    Raises:
        BundleNotFoundError: nothing stands there, and no shipped bundle has that name.
        BundleError: the manifest is missing or cannot be read.
        SealError: a file is missing, extra, changed, linked or outside, or the digest is another.
        InputError: `digest` is no digest.
    """
    if digest is not None:
        check_digest(digest)
    path = _locate(path_or_name)
    with _named(path):
        files = _files(path)
        content = _read_manifest(files)
        found = _checked_digest(content)
        if digest not in (None, found):
            raise SealError(f"the bundle's digest is {found}, but {digest} was asked for; this is another bundle")
        manifest = parse_manifest(content)
        kept = _check_files(files, manifest, keep)
    return Bundle(path, manifest, found, files, kept)


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


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the bundle's path before what is wrong with it."""
    try:
        yield
    except BundleError as error:
        raise type(error)(f"{path}: {error}") from error


def _locate(path_or_name: str | os.PathLike[str]) -> Path:
    path = file_path(path_or_name, "path_or_name")
    shown = plain_text(str(path) if len(str(path)) <= _SHOWN else f"{str(path)[: _SHOWN - 3]}...")
    try:
        if os.path.isdir(path) or os.path.isfile(path):  # noqa: PTH112, PTH113 - pathlib's raise for some names
            return path.resolve()
        shipped = shipped_bundles()
        if str(path_or_name) in shipped:
            return shipped[str(path_or_name)]
        problem = "is no plain file or folder" if os.path.lexists(path) else "does not exist"
    except (ValueError, OSError) as error:
        raise BundleNotFoundError(f"'{shown}' is no path of a bundle: {error}") from error
    names = ", ".join(shipped) or "none"
    raise BundleNotFoundError(f"'{shown}' {problem}, and is no shipped bundle (shipped: {names})")


_SHOWN = 200


def _files(path: Path) -> Files:
    if path.is_dir():
        return FolderFiles(path)
    from .archive import read_archive  # with its compressors a slow import

    return read_archive(path)


def _read_manifest(files: Files) -> bytes:
    try:
        content = files.read(MANIFEST_FILE, most=MAX_MANIFEST_BYTES)
    except FileNotFoundError as error:
        raise BundleError(f"it holds no {MANIFEST_FILE} at its top, so it is no vaeport bundle") from error
    if content is None:
        raise BundleError(f"{MANIFEST_FILE} is larger than {MAX_MANIFEST_BYTES} bytes, so it is no manifest")
    return content


def _checked_digest(content: bytes) -> str:
    if not has_digest(content):
        parse_manifest(content)  # what is no manifest, or follows another contract, is told as such
    return read_digest(content)


def _sealed(files: Files, name: str, entry: FileEntry) -> bytes:
    try:
        content = files.read(name, most=entry.size)
    except FileNotFoundError as error:
        raise _missing(name) from error
    if content is None or len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise _changed(name)
    return content


def _check_files(files: Files, manifest: Manifest, keep: Collection[str]) -> dict[str, bytes]:
    """The bundle holds the manifest's files and no others, each with the content that was sealed."""
    kept: dict[str, bytes] = {}
    found = set(files.names())
    absent = {top for top in manifest.detachable if not files.has_folder(top)}
    expected = [name for name in manifest.files if name.partition("/")[0] not in absent]
    if missing := sorted({*expected, MANIFEST_FILE} - found):
        raise _missing(missing[0])
    if extra := sorted(found - {*expected, MANIFEST_FILE}):
        raise SealError(f"broken seal, {extra[0]!r} is not in {MANIFEST_FILE}; remove it if it is yours")
    for name in expected:
        entry = manifest.files[name]
        try:
            if name in keep and entry.size <= _MOST_KEPT:
                kept[name] = _sealed(files, name, entry)
                continue
            digest = files.sha256(name, size=entry.size)
        except FileNotFoundError as error:
            raise _missing(name) from error
        if digest != entry.sha256:
            raise _changed(name)
    return kept


_MOST_KEPT = 2**25
"""Bytes of a file that may stay in memory until it is used."""


def _missing(name: str) -> SealError:
    return SealError(f"broken seal, {name} is missing; fetch or export the bundle again")


def _changed(name: str) -> SealError:
    return SealError(f"broken seal, {name} is not the file that was sealed; fetch or export the bundle again")
