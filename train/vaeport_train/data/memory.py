"""Where images are kept: in memory, or mapped from a temporary file where they would take too much of it."""

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import OutputError

_SHARE = 0.5
"""Of the memory that is available, what one array of images may take."""
_MEMINFO = Path("/proc/meminfo")


def allocate_images(shape: tuple[int, ...], *, limit: int | None = None) -> NDArray[np.uint8]:
    """An array to be filled: uint8 of a shape, memory-mapped where it would be larger than the limit.

    The file of a mapped array lies in the folder for temporary files (TMPDIR) and is gone with the array.

    Args:
        shape: sizes of the array.
        limit: bytes; None takes half of what memory is available now.

    Raises:
        OutputError: there is no room for the file.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size <= (_available() * _SHARE if limit is None else limit):
        return np.empty(shape, np.uint8)
    try:
        with tempfile.TemporaryFile(prefix="vaeport-images-") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # no room is an error now, and no crash at some page later
            return np.memmap(file, np.uint8, "w+", shape=shape)  # the mapping outlives the file's name
    except OSError as error:
        raise OutputError(
            f"{size / 1e9:.1f} GB of images are too many for memory, and {tempfile.gettempdir()} cannot take them "
            f"({error.strerror or error}); point TMPDIR at a folder with room"
        ) from error


def is_mapped(images: NDArray[np.uint8]) -> bool:
    """Whether an array, or the one that it is a part of, lies in a file."""
    return isinstance(images, np.memmap)


def _available() -> float:
    """Bytes that new data may take: what Linux says is available; elsewhere all there is, if that is known."""
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        pages = getattr(os, "sysconf_names", {}).get("SC_PHYS_PAGES")
        return float(os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")) if pages is not None else float("inf")
