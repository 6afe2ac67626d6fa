"""safetensors files from anybody: the header is checked by itself before the library, and memory, is asked for."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor

from vaeport.common.strict_json import parse_strict

MAX_HEADER_BYTES = 8 * 2**20
"""A header names each tensor in about a hundred bytes."""
MAX_TENSORS = 65536
"""Tensors in a file; a state to resume from has three for each weight."""
MAX_AXES = 8
"""Axes of a tensor; kernels of three dimensions have five."""
MAX_AXIS = 2**31 - 1
"""Size of an axis."""

_LENGTH_BYTES = 8
_METADATA = "__metadata__"
_MOST_VALUES = 2**40

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""Types of tensors by their names in the file."""


@dataclass(frozen=True)
class TensorEntry:
    """What a header says of one tensor."""

    dtype: torch.dtype
    """Type of its values."""
    shape: tuple[int, ...]
    """Sizes of its axes."""


@dataclass(frozen=True)
class TensorHeader:
    """A checked header: its tensors lie one after the other and fill the file."""

    tensors: dict[str, TensorEntry]
    """Tensors by name."""
    metadata: dict[str, str]
    """Texts beside them."""


def read_header(content: bytes) -> TensorHeader:
    """Read and check the header of a safetensors file; no tensor is made.

    Args:
        content: the file.

    Raises:
        ValueError: the content is no safetensors file, or its tensors overlap, leave gaps, reach beyond the file, or
            are of an unknown type; one sentence that follows "FILE is damaged: ".
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if len(content) < _LENGTH_BYTES or length > len(content) - _LENGTH_BYTES:
        raise ValueError(f"it has {len(content)} bytes, which is less than its header says; it may be cut short")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header has {length} bytes, but may have {MAX_HEADER_BYTES}")
    text = content[_LENGTH_BYTES : _LENGTH_BYTES + length]
    try:
        values = parse_strict(text, most=MAX_HEADER_BYTES)
    except ValueError as error:
        raise ValueError(f"its header is no valid JSON: {error}") from error
    if not isinstance(values, dict) or not text.startswith(b"{"):
        raise ValueError("its header must be a JSON object")
    metadata = _metadata(values.pop(_METADATA, {}))
    if len(values) > MAX_TENSORS:
        raise ValueError(f"it has {len(values)} tensors, but may have {MAX_TENSORS}")
    places = {name: _place(name, entry) for name, entry in values.items()}
    _check_places(places, len(content) - _LENGTH_BYTES - length)
    return TensorHeader({name: entry for name, (entry, _, _) in places.items()}, metadata)


def read_tensors(content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a safetensors file by name, and the texts beside them; nothing is unpickled.

    Args:
        content: the file.

    Raises:
        ValueError: as of `read_header`.
    """
    header = read_header(content)
    try:
        tensors: dict[str, Tensor] = load_tensors(content)
    except Exception as error:
        raise ValueError(f"safetensors cannot read it: {' '.join(str(error).split())[:200]}") from error
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bool and tensor.numel() and int(tensor.view(torch.uint8).max()) > 1:
            raise ValueError(f"the tensor {name[:60]!a} has truth values other than 0 and 1")
    return tensors, header.metadata


def _metadata(values: object) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ValueError(f"its {_METADATA} must be an object of texts")
    return values


def _place(name: str, given: object) -> tuple[TensorEntry, int, int]:
    """What a header says of a tensor, with its first byte and the byte behind its last."""
    what = f"the tensor {name[:60]!a}"
    if not isinstance(given, dict) or set(given) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{what} must have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = given["dtype"], given["shape"], given["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{what} has the type {str(dtype)[:60]!a}; known are {', '.join(DTYPES)}")
    if not _are_whole(shape) or len(shape) > MAX_AXES or any(size > MAX_AXIS for size in shape):
        raise ValueError(f"{what} must have a shape of at most {MAX_AXES} whole numbers up to {MAX_AXIS}")
    if not _are_whole(offsets) or len(offsets) != 2:
        raise ValueError(f"{what} must have data_offsets of two whole numbers that are not negative")
    if math.prod(size or 1 for size in shape) > _MOST_VALUES:
        raise ValueError(f"{what} has the shape {shape}, which is beyond any file")
    begin, end = offsets
    size = math.prod(shape) * DTYPES[dtype].itemsize
    if end - begin != size:
        raise ValueError(f"{what} is {dtype} {shape}, {size} bytes, but its data_offsets span {end - begin}")
    return TensorEntry(DTYPES[dtype], tuple(shape)), begin, end


def _are_whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_places(places: dict[str, tuple[TensorEntry, int, int]], size: int) -> None:
    """Tensors lie one after the other from the header to the end of the file."""
    reached = 0
    for name, (_, begin, end) in sorted(places.items(), key=lambda item: item[1][1:]):
        if begin != reached:
            how = "overlaps the one before it" if begin < reached else "leaves a gap before it"
            raise ValueError(f"the tensor {name[:60]!a} {how}")
        reached = end
    if reached != size:
        raise ValueError(f"its tensors have {reached} bytes, but {size} follow the header; it may be cut short")
