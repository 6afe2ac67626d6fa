"""Data sets in MNIST's four IDX files: read from a folder or downloaded once, always checked by hash."""

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vaeport.common.extras import needs_extra
from vaeport.common.fileio import move, staged_folder
from vaeport.errors import InputError

Part = Literal["train", "test"]

_PREFIX = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class IdxSource:
    """A data set in four IDX files."""

    name: str
    """Name of the data set, and of the sub-folder it may lie in."""
    mirrors: tuple[str, ...]
    """Addresses of folders that publish the `.gz` files, tried in this order."""
    md5: dict[str, str]
    """MD5 of each file by its name without `.gz`."""
    hashed: Literal["content", "gz"]
    """Whether the hashes are of the uncompressed content, or of the `.gz` files."""
    class_names: tuple[str, ...]
    """Names of the classes, by index."""
    licence: str
    """Licence of the images and whom they are from."""


def read_part(source: IdxSource, folder: Path | None, part: Part) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and labels of one part of a data set.

    Args:
        source: the data set.
        folder: where the files are, `.gz` or not, directly or in a sub-folder of the data set's name; None downloads
            them once into the user's cache.
        part: training or test images.

    Returns:
        uint8 [N, H, W] with ink 255, and uint8 [N] labels.

    Raises:
        InputError: a file is missing, damaged, or not the original.
    """
    images, labels = (
        parse_idx(_content(source, folder, f"{_PREFIX[part]}-{kind}-ubyte")) for kind in ("images-idx3", "labels-idx1")
    )
    return images, labels


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Parse an IDX file of unsigned bytes (LeCun's format: magic 0x0000 08 NN, NN sizes as big-endian uint32, data)."""
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise InputError("not an IDX file of unsigned bytes")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise InputError("truncated IDX file")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise InputError(f"IDX file says {list(shape)} but holds {len(content) - start} bytes of data")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()  # PyTorch wants memory it may write


def _content(source: IdxSource, folder: Path | None, name: str) -> bytes:
    path = _download(source, name) if folder is None else _find(source, folder, name)
    try:
        packed = path.read_bytes()
        content = gzip.decompress(packed) if path.suffix == ".gz" else packed
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    hashed = content if source.hashed == "content" else packed
    if hashlib.md5(hashed, usedforsecurity=False).hexdigest() != source.md5[name]:
        if folder is None:
            path.unlink()  # a bad download must not be found again
        raise InputError(f"{path} is not the {name} of {source.name} (its MD5 is another); get the original file")
    return content


def _find(source: IdxSource, folder: Path, name: str) -> Path:
    names = (f"{name}.gz", name) if source.hashed == "content" else (f"{name}.gz",)
    for place in (folder / source.name, folder):
        for path in (place / each for each in names):
            if path.is_file():
                return path
    raise InputError(
        f"neither {folder} nor {folder / source.name} holds {' or '.join(names)}; point --data-dir at the files of "
        f"{source.name}"
    )


def _download(source: IdxSource, name: str) -> Path:
    """Fetch a file into the user's cache, from the first mirror that answers; it appears there whole or not at all.

    Raises:
        InputError: no mirror has it.
        OutputError: the cache cannot be written.
    """
    with needs_extra("train"):
        import pooch
        import requests

    cached = Path(pooch.os_cache("vaeport")) / source.name / f"{name}.gz"
    if cached.is_file():
        return cached
    problem: Exception | None = None
    with staged_folder(cached) as stage:
        for mirror in source.mirrors:
            try:
                # No hash here: mirrors pack the same content into different .gz bytes; the content is checked later.
                fetched = pooch.retrieve(f"{mirror}{name}.gz", None, cached.name, stage, progressbar=False)
            except (ValueError, ConnectionError, TimeoutError, requests.RequestException) as error:
                problem = error
            else:
                move(Path(fetched), cached)
                return cached
    raise InputError(
        f"cannot download {name} ({problem}); get the files and give --data-dir, or take --data mnist-5k"
    ) from problem
