"""Values of a captured program as JSON, and back: plain ones, types, and what other nodes made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from vaeport.errors import CheckFailedError

_FLOATS = (torch.float16, torch.bfloat16, torch.float32)
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (*_FLOATS, torch.float64, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
}
_LAYOUTS = {"strided": torch.strided}
_MEMORY = {
    str(kind).removeprefix("torch."): kind
    for kind in (torch.contiguous_format, torch.preserve_format, torch.channels_last, torch.channels_last_3d)
}


@dataclass(frozen=True)
class Place:
    """In which type and where a program computes."""

    double: bool = False
    """Whether float64 takes the place of narrower types."""
    device: torch.device | None = None
    """Where new tensors are made; None for PyTorch's default."""


def encoded(value: Any) -> Any:
    """A value of a graph that torch.export captured, as JSON.

    Raises:
        CheckFailedError: it is of a kind that cannot be kept as data.
    """
    if isinstance(value, torch.fx.Node):
        return {"ref": value.name}
    if isinstance(value, list | tuple):
        return [encoded(inner) for inner in value]
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"device": "cpu"}
    if isinstance(value, torch.layout):
        return {"layout": str(value).removeprefix("torch.")}
    if isinstance(value, torch.memory_format):
        return {"memory": str(value).removeprefix("torch.")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CheckFailedError(
        f"the network has a {type(value).__name__} among its operators, which cannot be kept as data"
    )


def decoded(value: Any, known: Mapping[str, Any], place: Place) -> Any:
    """A value of a program as PyTorch takes it.

    Args:
        value: as it stands in the file.
        known: what the nodes before have made, by name.
        place: in which type and where the program computes.

    Raises:
        KeyError, ValueError: the file has no such kind of value.
    """
    if isinstance(value, list | tuple):
        return [decoded(inner, known, place) for inner in value]
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "ref":
        return known[text]
    if kind == "dtype":
        return torch.float64 if place.double and _DTYPES[text] in _FLOATS else _DTYPES[text]
    if kind == "float" and text in ("inf", "-inf", "nan"):
        return float(text)
    if kind == "device" and text == "cpu":
        return place.device
    tables: dict[str, Mapping[str, Any]] = {"layout": _LAYOUTS, "memory": _MEMORY}
    return tables[kind][text]
