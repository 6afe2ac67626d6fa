"""MNIST's four IDX files: read from a folder or downloaded once, checked by the hash of their uncompressed content."""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import InputError

Part = Literal["train", "test"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Places that publish the files, tried in this order."""

_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_PREFIX = {"train": "train", "test": "t10k"}


def read_mnist(folder: Path | None, part: Part) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and labels of one part of MNIST.

    Args:
        folder: where the files are, `.gz` or not, directly or in a sub-folder `mnist`; None downloads them once.
        part: the 60,000 training images or the 10,000 test images.

    Returns:
        uint8 [N, 28, 28] with ink 255, and uint8 [N] labels.

    Raises:
        InputError: a file is missing, damaged, or not the original.
    """
    prefix = _PREFIX[part]
    images, labels = (_content(folder, f"{prefix}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    return parse_idx(images), parse_idx(labels)


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


def _content(folder: Path | None, name: str) -> bytes:
    path = _download(name) if folder is None else _find(folder, name)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != _MD5[name]:
        if folder is None:
            path.unlink()  # a bad download must not be found again
        raise InputError(f"{path} is not MNIST's {name} (its content has another MD5); get the original file")
    return content


def _find(folder: Path, name: str) -> Path:
    for place in (folder, folder / "mnist"):
        for path in (place / f"{name}.gz", place / name):
            if path.is_file():
                return path
    raise InputError(f"{folder} holds no {name}[.gz], nor does {folder / 'mnist'}; point --data-dir at MNIST's files")


def _download(name: str) -> Path:
    """Fetch a file into the user's cache, from the first mirror that answers."""
    import pooch
    import requests

    problem: Exception | None = None
    for mirror in MIRRORS:
        try:
            # No hash here: mirrors pack the same content into different .gz bytes; the content is checked after.
            return Path(
                pooch.retrieve(
                    f"{mirror}{name}.gz", None, f"{name}.gz", pooch.os_cache("vaeport") / "mnist", progressbar=False
                )
            )
        except (OSError, ValueError, requests.RequestException) as error:
            problem = error
    raise InputError(
        f"cannot download {name} ({problem}); get MNIST's four files and give --data-dir, or use --data mnist-5k"
    ) from problem
