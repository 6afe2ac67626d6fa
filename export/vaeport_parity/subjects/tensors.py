"""Types and shapes of a graph's inputs and outputs, as its ONNX file states them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, ValueInfoProto

from vaeport.errors import InputError

Arrays = dict[str, NDArray[Any]]
"""Tensors by name; bfloat16 has the dtype of ml_dtypes."""

Axis = int | str
"""A size, or the name of a symbolic axis."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a graph."""

    name: str
    """Name of the tensor."""
    dtype: str
    """Name of a numpy dtype: `float32`, `float16`, `bfloat16`, `int64`, `bool`, ..."""
    shape: tuple[Axis, ...]
    """A size or a symbolic name for each axis; axes without either get a name of their own, `name_axis`."""

    @property
    def is_float(self) -> bool:
        """Whether answers are compared within a tolerance; others must be equal."""
        return self.dtype in ("float16", "bfloat16", "float32", "float64")

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape with a size for each symbolic axis."""
        return tuple(axis if isinstance(axis, int) else sizes[axis] for axis in self.shape)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {"dtype": self.dtype, "shape": list(self.shape)}


def rounding_step(dtype: Any) -> float:
    """Distance from 1 to the next number of a float type, bfloat16 among them."""
    return float(ml_dtypes.finfo(np.dtype(dtype)).eps)  # type: ignore[no-untyped-call]  # it has no types


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether a numpy dtype is a float type, bfloat16 among them."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


def input_specs(model: ModelProto) -> tuple[TensorSpec, ...]:
    """Inputs that a caller must give: those without an initializer.

    Raises:
        InputError: an input is no tensor, or of a type that is not supported.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return _specs((info for info in model.graph.input if info.name not in weights), "input")


def output_specs(model: ModelProto) -> tuple[TensorSpec, ...]:
    """Outputs of a graph.

    Raises:
        InputError: an output is no tensor, or of a type that is not supported.
    """
    return _specs(model.graph.output, "output")


def batch_axis(inputs: Iterable[TensorSpec]) -> str | None:
    """Name of the symbolic first axis that all inputs share: the batch; None where there is no such axis."""
    first = {spec.shape[0] if spec.shape else 0 for spec in inputs}
    (axis,) = first if len(first) == 1 else (None,)
    return axis if isinstance(axis, str) else None


def symbolic_axes(specs: Iterable[TensorSpec]) -> tuple[str, ...]:
    """Names of all symbolic axes, in the order in which they first appear."""
    return tuple(dict.fromkeys(axis for spec in specs for axis in spec.shape if isinstance(axis, str)))


def _specs(values: Iterable[ValueInfoProto], kind: str) -> tuple[TensorSpec, ...]:
    return tuple(_spec(value, kind) for value in values)


def _spec(value: ValueInfoProto, kind: str) -> TensorSpec:
    if not value.type.HasField("tensor_type"):
        held = value.type.WhichOneof("value") or "nothing"
        raise InputError(f"{kind} {value.name!r} is a {held}; only tensors can be compared")
    tensor = value.type.tensor_type
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
    except (KeyError, TypeError) as error:
        raise InputError(f"{kind} {value.name!r} has the unknown element type {tensor.elem_type}") from error
    if dtype == "object":
        raise InputError(f"{kind} {value.name!r} holds strings; only numbers and booleans can be compared")
    if not tensor.HasField("shape"):
        raise InputError(f"{kind} {value.name!r} has no shape, not even a rank; export the graph with shapes")
    shape = tuple(
        axis.dim_value if axis.HasField("dim_value") else axis.dim_param or f"{value.name}_{place}"
        for place, axis in enumerate(tensor.shape.dim)
    )
    return TensorSpec(value.name, dtype, shape)
