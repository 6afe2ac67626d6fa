"""Changes to an `.npz`: arrays of other types and shapes, headers that lie, pickles, bombs, and the zip around them."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .byte_changes import changed
from .zip_changes import change_zip

Arrays = dict[str, NDArray[Any]]

_DTYPES = ("u1", "i1", "i8", ">i8", "f2", "f4", ">f4", "f8", "c16", "?", "U3", "S3", "M8[s]", "V4", "i4,f4")
_HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999999999999), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': 3, 'shape': (13, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': [13, 2], }",
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f99999999', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (2**62,), }",
    "{'descr': '<U2147483647', 'fortran_order': False, 'shape': (1,), }",
    "__import__('os').system('false')",
    "(" * 3000,
    "{'descr': " + "[" * 500 + "]" * 500 + ", 'fortran_order': False, 'shape': ()}",
    "{'descr': [('a', '<f4', (1000000, 1000000))], 'fortran_order': False, 'shape': (1,), }",
    "\x00\xff",
    "",
)
_BOMB = 2**26
_SUFFIX = ".npy"


class _Opened:
    """What a pickle would do if anybody unpickled it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def read_arrays(content: bytes) -> Arrays:
    """The arrays of an `.npz` of our own."""
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}


def packed_arrays(arrays: Arrays, *, compressed: bool = False) -> bytes:
    """The bytes of an `.npz`."""
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def change_arrays(content: bytes, dice: random.Random, canary: Path) -> tuple[str, bytes]:
    """Change an `.npz` in one way.

    Args:
        content: the file.
        dice: random numbers of this case.
        canary: a folder that is made if anybody unpickles the result.

    Returns:
        The name of the change, and the new content.
    """
    drawn = dice.random()
    if drawn < 0.15:
        return "golden bytes", changed(content, dice)
    members = _members(content)
    if drawn < 0.35:
        what, result = change_zip(content, members, dice)
        return f"golden, {what}", result
    if drawn < 0.6:
        name = dice.choice(list(members))
        members[name] = _with_header(members[name], dice)
        return "golden: change a header", _zipped(members, dice)
    if drawn < 0.66:
        members[dice.choice(list(members))] = _pickled(canary)
        return "golden: put a pickle", _zipped(members, dice)
    if drawn < 0.72:
        return "golden: add a bomb", _with_bomb(members, dice)
    arrays = read_arrays(content)
    change = dice.choice(_CHANGES)
    change(arrays, dice.choice(list(arrays)), dice)
    what = change.__name__.strip("_").replace("_", " ")
    return f"golden: {what}", packed_arrays(arrays, compressed=dice.random() < 0.3)


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(members: dict[str, bytes], dice: random.Random) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def _with_header(array: bytes, dice: random.Random) -> bytes:
    """An array with another header, and the values that it had."""
    start = 10 + struct.unpack("<H", array[8:10])[0]
    header, values = array[10:start], array[start:]
    text = dice.choice((dice.choice(_HEADERS).encode("latin-1"), changed(header, dice)))
    version = dice.choice(((1, 0), (1, 0), (2, 0), (3, 0), (0, 0), (9, 9)))
    length = dice.choice((len(text), len(text), len(text), 0, 65535)) % 65536
    packed = struct.pack("<H" if version == (1, 0) else "<I", length)
    return b"\x93NUMPY" + bytes(version) + packed + text + values


def _pickled(canary: Path) -> bytes:
    content = io.BytesIO()
    values = np.empty(1, object)
    values[0] = _Opened(str(canary))
    np.lib.format.write_array(content, values, allow_pickle=True)
    return content.getvalue()


def _with_bomb(members: dict[str, bytes], dice: random.Random) -> bytes:
    """An array of 64 MB of zeros that takes a few kilobytes: one more, or in the place of another."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        victim = dice.choice([*members, f"extra{_SUFFIX}"])
        for name, member in members.items():
            if name != victim:
                archive.writestr(name, member)
        start = io.BytesIO()
        shape = (_BOMB // 4,) if dice.random() < 0.5 else (_BOMB // 64, 1, 4, 4)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(start, header)
        with archive.open(victim, "w", force_zip64=dice.random() < 0.3) as file:
            file.write(start.getvalue())
            for _ in range(_BOMB // 2**22):
                file.write(bytes(2**22))
    return content.getvalue()


def _change_type(arrays: Arrays, name: str, dice: random.Random) -> None:
    dtype = np.dtype(dice.choice(_DTYPES))
    arrays[name] = np.zeros(arrays[name].shape, dtype)


def _swap_bytes(arrays: Arrays, name: str, _: random.Random) -> None:
    """The same values in the other byte order."""
    arrays[name] = arrays[name].astype(arrays[name].dtype.newbyteorder())


def _turn(arrays: Arrays, name: str, dice: random.Random) -> None:
    """The same values with the first axis running fastest, or turned."""
    arrays[name] = np.asfortranarray(arrays[name]) if dice.random() < 0.6 else arrays[name].T


def _reshape(arrays: Arrays, name: str, dice: random.Random) -> None:
    array = arrays[name]
    arrays[name] = dice.choice((array.ravel(), array[None], array[:1], array[:0], array[..., :1], np.ones((), "f4")))


def _lengthen_all(arrays: Arrays, _name: str, dice: random.Random) -> None:
    """More rows, or fewer, in every array alike."""
    times = dice.choice((0, 2, 9))
    for name, array in arrays.items():
        arrays[name] = np.concatenate([array] * times) if times else array[:0]


def _spoil_values(arrays: Arrays, name: str, dice: random.Random) -> None:
    array = arrays[name].copy()
    if array.size and array.dtype.kind == "f":
        array.flat[dice.randrange(array.size)] = dice.choice((np.nan, np.inf, -np.inf, 1e38, 0.0))
    elif array.size:
        array.flat[dice.randrange(array.size)] = dice.choice((0, 1, 100))
    arrays[name] = array


def _spoil_labels(arrays: Arrays, _name: str, dice: random.Random) -> None:
    labels = arrays["labels"].copy()
    labels[:] = dice.choice((-1, -2, 3, 2**62, -(2**63)))
    arrays["labels"] = labels


def _drop(arrays: Arrays, name: str, _: random.Random) -> None:
    del arrays[name]


def _rename(arrays: Arrays, name: str, dice: random.Random) -> None:
    arrays[dice.choice((name.upper(), "../x", "x" * 300, f"{name}.npy", "\u202e"))] = arrays.pop(name)


def _add(arrays: Arrays, _name: str, dice: random.Random) -> None:
    for number in range(dice.choice((1, 30, 1200))):
        arrays[f"extra{number}"] = np.zeros(dice.choice((0, 1, 50)), np.float32)


_CHANGES: tuple[Callable[[Arrays, str, random.Random], None], ...] = (
    _change_type,
    _swap_bytes,
    _turn,
    _reshape,
    _lengthen_all,
    _spoil_values,
    _spoil_values,
    _spoil_labels,
    _drop,
    _rename,
    _add,
)
