"""Arrays in .npz files, under any names and of any element type; numpy alone is needed to read and write them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.base import numpy_dtype

_INDEX = "index"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, so that `read_arrays` gives the same names, element types and values.

    Names are kept in an index and not as keys, which numpy takes for files and for its own arguments; types that numpy
    does not know, bfloat16 for instance, are kept as integers of the same width.

    Args:
        path: the file to write.
        arrays: by name; of any shape, 0-d among them.
    """
    index = json.dumps([[name, values.dtype.name] for name, values in arrays.items()])
    keys = {f"a{place}": _storable(values) for place, values in enumerate(arrays.values())}
    np.savez(path, **{_INDEX: np.array(index)}, **keys)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_arrays` wrote.

    Raises:
        TypeError: an array is of a type that numpy does not know, and ml_dtypes is not installed.
    """
    with np.load(path, allow_pickle=False) as file:
        index: list[list[str]] = json.loads(str(file[_INDEX]))
        return {name: file[f"a{place}"].view(numpy_dtype(dtype)) for place, (name, dtype) in enumerate(index)}


def rows_of(values: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Some rows of an array; past the last row it begins again with the first, so that few rows make a large batch."""
    if stop <= len(values):
        return values[start:stop]
    return values[np.arange(start, stop) % len(values)]


def divided(values: NDArray[Any], divisor: float) -> NDArray[np.float32]:
    """Integers of any shape as an application gives them to a graph: as float32, divided in float32."""
    return values.astype(np.float32) / np.float32(divisor)


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.isbuiltin == 1 else values.view(f"u{values.dtype.itemsize}")
