"""A bundle in memory, as an enemy holds it: its files by name, and a seal that he can put on whatever he likes.

The seal is made here by hand, not by vaeport's own functions: an enemy's tools are his own.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vaeport.contract import MANIFEST_FILE

Files = dict[str, bytes]
"""Content by path inside the bundle, the manifest included."""

TINY = Path(__file__).parents[3] / "tests/runtime/tiny"
"""The bundle of a few kilobytes that most cases begin with."""

_OPENING = b"{\n"
_INDEX_BITS = 40


def dice(seed: int, index: int) -> random.Random:
    """The random numbers of one case, which is made again from its seed and number alone."""
    return random.Random(seed << _INDEX_BITS | index)  # noqa: S311 - cases, not secrets


def read_files(folder: Path) -> Files:
    """All files of a bundle."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a bundle as a folder, over what stands there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def manifest_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest of a bundle, without its digest."""
    value: dict[str, Any] = json.loads(files[MANIFEST_FILE])
    value.pop("digest", None)
    return value


def entries_of(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """The manifest's list of files, as it has to be for these files."""
    return {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
        if name != MANIFEST_FILE
    }


def manifest_text(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as text, without its digest."""
    return opened(json.dumps(manifest, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")


def opened(text: bytes) -> bytes:
    """The text of a JSON object with its brace on a line of its own, where a digest can follow."""
    return _OPENING + text[1:] if text.startswith(b"{") else text


def with_digest(text: bytes) -> bytes:
    """Put the right digest into a manifest's text; text that does not begin as a manifest stays as it is."""
    if not text.startswith(_OPENING):
        return text
    line = f'  "digest": "sha256:{hashlib.sha256(text).hexdigest()}",\n'.encode()
    return _OPENING + line + text[len(_OPENING) :]


def sealed(files: Mapping[str, bytes], manifest: Mapping[str, Any] | None = None) -> Files:
    """The same files under a seal that is right.

    Args:
        files: the files; their manifest is made anew.
        manifest: what it shall say, beside the list of files; None for what it says now.
    """
    said = dict(manifest_of(files) if manifest is None else manifest)
    said["files"] = entries_of(files)
    return {**files, MANIFEST_FILE: with_digest(manifest_text(said))}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the time of a trial, in memory where this machine has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(prefix="vaeport-enemy-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
