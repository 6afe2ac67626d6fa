"""Tensors inside an ONNX file: their sizes checked, their data left where they are."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from .limits import MAX_DIM, MAX_RANK
from .messages import TENSOR, TensorField
from .wire import Budget, quoted, read_message, read_varints

FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64 = range(1, 14)
"""Element types by ONNX's numbers."""
BFLOAT16 = 16
UINT4, INT4 = 21, 22

TYPE_NAMES = dict(
    enumerate(
        (
            *("float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double"),
            *("uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz"),
            *("float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2"),
            *("float6e2m3", "float6e3m2"),
        ),
        start=1,
    )
)
"""Element types of ONNX by number, in ONNX's words."""

ELEMENT_BITS = {
    number: bits
    for bits, numbers in {
        2: (25, 26),
        4: (21, 22, 23),
        6: (27, 28),
        8: (2, 3, 9, 17, 18, 19, 20, 24),
        16: (4, 5, 10, 16),
        32: (1, 6, 12),
        64: (7, 11, 13, 14),
        128: (15,),
    }.items()
    for number in numbers
}
"""Bits of one element, by type; strings have no fixed size."""

NUMPY_TYPES: dict[int, str] = dict(
    zip(
        (FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, BOOL, FLOAT16, DOUBLE, UINT32, UINT64),
        ("<f4", "|u1", "|i1", "<u2", "<i2", "<i4", "<i8", "|b1", "<f2", "<f8", "<u4", "<u8"),
        strict=True,
    )
)
"""The types that numpy has, as they lie in a file."""

INTEGER_TYPES = frozenset((UINT8, INT8, UINT16, INT16, INT32, INT64, UINT32, UINT64))
"""Integers with arithmetic."""


class Tensor(NamedTuple):
    """A tensor of the file."""

    name: str
    """Its name; empty for the value of an attribute."""
    dtype: int
    """Element type by ONNX's number."""
    dims: tuple[int, ...]
    """Shape."""
    raw: memoryview | None
    """The data as they lie in the file, not copied; None where they stand in a field of their type."""
    typed: tuple[bytes, int, list[Any]] | None
    """Otherwise the file, the field's number and what `wire.read_message` gave for it."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.dims)

    def values(self) -> NDArray[Any] | None:
        """The elements, of numpy's own type; None for types that numpy does not have.

        Raises:
            BundleError: an element does not fit its type.
        """
        dtype = NUMPY_TYPES.get(self.dtype)
        if dtype is None:
            return None
        if self.raw is not None:
            if self.dtype == BOOL:  # any byte but 0 and 1 would be a bool that numpy does not know
                return np.frombuffer(self.raw, np.uint8).astype(np.bool_).reshape(self.dims)
            return np.frombuffer(self.raw, dtype).reshape(self.dims)
        if self.typed is None:
            return np.zeros(self.dims, dtype)
        data, field, chunks = self.typed
        numbers = _numbers(data, field, chunks)
        try:
            if self.dtype == FLOAT16:
                return np.array(numbers, np.uint16).view(np.float16).reshape(self.dims)
            return np.array(numbers, np.dtype(dtype)).reshape(self.dims)
        except (OverflowError, ValueError):
            raise BundleError(
                f"the tensor {quoted(self.name)} holds a number that does not fit {type_name(self.dtype)}"
            ) from None


def type_name(dtype: int) -> str:
    """ONNX's word for an element type."""
    return TYPE_NAMES.get(dtype, f"type {dtype}")


def read_tensor(data: bytes, view: memoryview, span: tuple[int, int], budget: Budget) -> Tensor:
    """Read a TensorProto.

    Raises:
        BundleError: its data are in another file, or do not have the size of its shape and type.
    """
    found = read_message(data, span, TENSOR, budget)
    name, dims, dtype = found[TensorField.NAME] or "", tuple(found[TensorField.DIMS] or ()), found[TensorField.DTYPE]
    if found[TensorField.EXTERNAL] is not None or found[TensorField.LOCATION] not in (None, 0):
        raise BundleError(
            f"the tensor {quoted(name)} keeps its data in another file (external data); "
            "every weight must stand in the file itself"
        )
    if found[TensorField.SEGMENT] is not None:
        raise BundleError(f"the tensor {quoted(name)} is cut into segments, which no runtime reads")
    if dtype not in TYPE_NAMES:
        raise BundleError(f"the tensor {quoted(name)} has the element type {dtype}, which ONNX does not have")
    size = checked_size(dims, f"the tensor {quoted(name)}")
    fields = [number for number in _DATA_FIELDS if found[number] is not None]
    if len(fields) > 1:
        raise BundleError(f"the tensor {quoted(name)} has its data twice")
    if not fields:
        if size:
            raise BundleError(f"the tensor {quoted(name)} has the shape {list(dims)} but no data")
        return Tensor(name, dtype, dims, None, None)
    field = fields[0]
    if field == TensorField.RAW:
        start, stop = found[field]
        bits = ELEMENT_BITS.get(dtype)
        if bits is None or stop - start != (size * bits + 7) // 8:
            expected = "string_data" if bits is None else f"{(size * bits + 7) // 8} bytes"
            raise BundleError(
                f"the tensor {quoted(name)} has {stop - start} bytes of raw data, "
                f"but {type_name(dtype)} {list(dims)} takes {expected}"
            )
        return Tensor(name, dtype, dims, view[start:stop], None)
    chunks = found[field]
    if dtype not in _TYPES_OF_FIELD[field]:
        raise BundleError(f"the tensor {quoted(name)} has its data in a field that is not for {type_name(dtype)}")
    _check_count(name, dtype, size, _count(data, field, chunks))
    return Tensor(name, dtype, dims, None, (data, field, chunks))


def checked_size(dims: tuple[int, ...], what: str) -> int:
    """Number of elements of a shape.

    Raises:
        BundleError: too many axes, a negative or far too large size.
    """
    if not dims:
        return 1
    if len(dims) > MAX_RANK:
        raise BundleError(f"{what} has {len(dims)} axes; the limit is {MAX_RANK}")
    if min(dims) < 0:
        raise BundleError(f"{what} has the shape {list(dims)}, with a negative size")
    size = math.prod(dims)
    if size > MAX_DIM or (size == 0 and math.prod(max(dim, 1) for dim in dims) > MAX_DIM):
        raise BundleError(f"{what} has the shape {list(dims)}, which is above the limit of {MAX_DIM} elements")
    return size


_DATA_FIELDS = (
    *(TensorField.RAW, TensorField.FLOATS, TensorField.INT32S, TensorField.STRINGS, TensorField.INT64S),
    *(TensorField.DOUBLES, TensorField.UINT64S),
)
_TYPES_OF_FIELD = {
    TensorField.FLOATS: (1, 14),
    TensorField.INT32S: (2, 3, 4, 5, 6, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28),
    TensorField.STRINGS: (STRING,),
    TensorField.INT64S: (INT64,),
    TensorField.DOUBLES: (11, 15),
    TensorField.UINT64S: (UINT32, UINT64),
}
_FIXED = {TensorField.FLOATS: 4, TensorField.DOUBLES: 8}
"""Bytes of a number in the fields that hold floats."""


def _check_count(name: str, dtype: int, size: int, count: int) -> None:
    """Complex numbers take two entries; elements of less than a byte are packed, as many to an entry as fit a byte."""
    expected = size
    if dtype in (14, 15):
        expected = 2 * size
    elif ELEMENT_BITS.get(dtype, 8) < 8:
        expected = -(-size * ELEMENT_BITS[dtype] // 8)
    if count != expected:
        raise BundleError(f"the tensor {quoted(name)} has {count} numbers, but its shape takes {expected}")


def _count(data: bytes, field: int, chunks: list[Any]) -> int:
    """Numbers in a field of its type: checked to be whole, without reading them one by one."""
    if field == TensorField.STRINGS:
        return len(chunks)
    count = 0
    for chunk in chunks:
        if isinstance(chunk, int):
            count += 1
            continue
        start, stop = chunk
        if field in _FIXED:
            if (stop - start) % _FIXED[field]:
                raise BundleError("a tensor's list of floats is cut off")
            count += (stop - start) // _FIXED[field]
        elif stop > start:
            ends = np.frombuffer(data, np.uint8, stop - start, start) < 128
            if not ends[-1]:
                raise BundleError("a tensor's list of integers is cut off")
            count += int(np.count_nonzero(ends))
    return count


def _numbers(data: bytes, field: int, chunks: list[Any]) -> list[Any]:
    numbers: list[Any] = []
    for chunk in chunks:
        if isinstance(chunk, int):
            numbers.append(chunk)
        elif field in _FIXED:
            start, stop = chunk
            width = _FIXED[field]
            numbers.extend(np.frombuffer(data, f"<f{width}", (stop - start) // width, start).tolist())
        else:
            numbers.extend(read_varints(data, *chunk))
    return numbers
