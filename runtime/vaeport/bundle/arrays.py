"""The arrays of an `.npz` from a stranger: every header first, then those that are wanted, as large as they say.

Format: numpy's NEP 1 (`.npy`) inside a zip. `numpy.load` would inflate whatever a file holds.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from .limits import MAX_GOLDEN_ARRAYS, MAX_GOLDEN_BYTES

_MOST_HEADER = 4096
_MOST_AXES = 8
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_SUFFIX = ".npy"


@dataclass(frozen=True)
class Header:
    """What an array says of itself."""

    shape: tuple[int, ...]
    """Its shape."""
    dtype: np.dtype[Any]
    """Its type, in the byte order of the file."""
    fortran_order: bool
    """Whether its first axis runs fastest."""
    start: int
    """Bytes before its values."""

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


class ArraysFile:
    """An `.npz` of which the headers have been read.

    Raises:
        BundleError: the content is no such file, or holds what no array file of a bundle holds.
    """

    def __init__(self, content: bytes, where: str) -> None:
        self._where = where
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except Exception as error:  # zipfile raises a dozen kinds for what is damaged
            raise self._unreadable(error) from error
        entries = self._archive.infolist()
        if len(entries) > MAX_GOLDEN_ARRAYS:
            raise BundleError(f"{where} holds {len(entries)} arrays, more than {MAX_GOLDEN_ARRAYS}")
        self._entries = {entry.filename.removesuffix(_SUFFIX): entry for entry in entries}
        if len(self._entries) != len(entries):
            raise BundleError(f"{where} cannot be read: it holds an array twice")
        self.headers: Mapping[str, Header] = {name: self._header(entry) for name, entry in self._entries.items()}
        """What each array says of itself, by name."""

    def read(self, names: list[str]) -> dict[str, NDArray[Any]]:
        """Read arrays, in memory for these alone.

        Raises:
            BundleError: they are larger together than `MAX_GOLDEN_BYTES`, or one is not what its header says.
        """
        size = sum(self.headers[name].nbytes for name in names)
        if size > MAX_GOLDEN_BYTES:
            raise BundleError(f"{self._where} holds arrays of {size} bytes, more than {MAX_GOLDEN_BYTES}")
        return {name: self._values(name) for name in names}

    def _header(self, entry: zipfile.ZipInfo) -> Header:
        try:
            with self._archive.open(entry) as file:
                start = io.BytesIO(file.read(_MOST_HEADER))
            shape, fortran_order, dtype = _HEADER_READERS[np.lib.format.read_magic(start)](start)
        except Exception as error:  # numpy evaluates the header as a literal, which fails in many ways
            raise self._unreadable(ValueError("its header is not one of numpy's arrays"), entry) from error
        header = Header(shape, dtype, fortran_order, start.tell())
        if dtype.hasobject or len(shape) > _MOST_AXES or any(isinstance(size, bool) or size < 0 for size in shape):
            raise self._unreadable(ValueError(f"it says it is {dtype} {list(shape[:9])}"), entry)
        if entry.file_size != header.start + header.nbytes:
            raise self._unreadable(ValueError(f"it has not the bytes of {dtype} {list(shape)}"), entry)
        return header

    def _values(self, name: str) -> NDArray[Any]:
        header, entry = self.headers[name], self._entries[name]
        try:
            with self._archive.open(entry) as file:
                content = bytearray(file.read(header.start + header.nbytes + 1))  # arrays that may be written to
            values = np.frombuffer(content, header.dtype, math.prod(header.shape), header.start)
        except Exception as error:  # what is compressed can be damaged anywhere
            raise self._unreadable(error, entry) from error
        shaped = values.reshape(header.shape, order="F" if header.fortran_order else "C")
        return np.ascontiguousarray(shaped, header.dtype.newbyteorder("=")).reshape(header.shape)

    def _unreadable(self, error: Exception, entry: zipfile.ZipInfo | None = None) -> BundleError:
        problem = " ".join(str(error).split()) or type(error).__name__
        array = "" if entry is None else f"its array {entry.filename!r:.60}: "
        return BundleError(f"{self._where} cannot be read: {array}{problem:.200}")
