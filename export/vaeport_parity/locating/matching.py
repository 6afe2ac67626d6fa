"""Where a file leaves its reference: the first tensor that the reference has nowhere, found by values, not by names.

An export and the network it came from name and split their operators differently, but compute the same tensors up to
shape and order. In float64 each tensor of the file is looked up among everything that the reference computes. What a
defect makes wrong, and all that follows from it, is found nowhere.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from ..subjects.tensors import Arrays
from .tensors import TensorGraph, exact_values

Values = Sequence[NDArray[Any]]

_LEAST_ENTRIES = 2  # single numbers are alike by chance
_LOOSEST, _STRICTEST = 1e-6, 1e-14  # relative; float32 constants such as 1/sqrt(d) are off by 3e-8 in a float64 graph
_OF_THE_ERROR = 0.01


def first_unmatched(
    graph: TensorGraph, model: ModelProto, inputs: Arrays, output: str, reference: Values, error: float
) -> str | None:
    """The first tensor on the way to a wrong output that is nowhere in the reference, nor is any that follows from it.

    Args:
        graph: the file's graph.
        model: the file.
        inputs: one batch, by input name.
        output: the output that is wrong.
        reference: every tensor that the reference computes from the same inputs in float64.
        error: error of the output in relation to its largest value.

    Returns:
        Its name; None where the output itself is in the reference.

    Raises:
        InputError: the file has an operator that cannot be evaluated.
    """
    values = exact_values(model, inputs)
    book = _Book(reference, min(max(_OF_THE_ERROR * error, _STRICTEST), _LOOSEST))
    path = [name for name in graph.above(output) if name in values and values[name].size >= _LEAST_ENTRIES]
    matched = {name for name in path if book.has(values[name])}
    if output in matched:
        return None
    sound = set(matched) | {name for name in graph.inputs if name in values}
    for name in path:  # what a matched tensor is made of is sound, however it is split up
        if name in matched:
            sound.update(graph.above(name))
    return next((name for name in path if name not in sound), None)


def torch_tensors(compute: Callable[[], object]) -> Values:
    """Every tensor that PyTorch makes while something is computed; attention is computed step by step.

    Args:
        compute: runs a network, without gradients.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils._python_dispatch import TorchDispatchMode

    recorded: list[NDArray[Any]] = []

    class _Record(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            for tensor in result if isinstance(result, tuple | list) else (result,):
                if isinstance(tensor, torch.Tensor) and not tensor.is_complex():
                    wide = tensor.detach().to(torch.float64 if tensor.is_floating_point() else tensor.dtype)
                    recorded.append(wide.cpu().numpy().copy())
            return result

    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), _Record():  # type: ignore[no-untyped-call]
        compute()
    return recorded


def onnx_tensors(model: ModelProto, inputs: Arrays) -> Values:
    """Every tensor of an ONNX graph, outside its subgraphs; floats in float64.

    Raises:
        InputError: the graph has an operator that cannot be evaluated.
    """
    return list(exact_values(model, inputs).values())


class _Book:
    """Tensors of the reference, looked up by what they hold in whatever shape and order."""

    def __init__(self, reference: Values, tolerance: float) -> None:
        self._tolerance = tolerance
        self._by_size: dict[int, list[NDArray[np.float64]]] = {}
        for values in reference:
            self._by_size.setdefault(values.size, []).append(np.ravel(values).astype(np.float64))
        self._sorted: dict[int, list[NDArray[np.float64]]] = {}

    def has(self, values: NDArray[Any]) -> bool:
        """Whether the reference has these values: in this order, or in another, as a transposed tensor has them."""
        flat = np.ravel(values).astype(np.float64)
        if any(self._same(flat, other) for other in self._by_size.get(flat.size, ())):
            return True
        if values.dtype.kind != "f":  # flags and indices are alike by chance in another order
            return False
        ordered = np.sort(flat)
        return any(self._same(ordered, other) for other in self._in_order(flat.size))

    def _in_order(self, size: int) -> Iterator[NDArray[np.float64]]:
        if size not in self._sorted:
            self._sorted[size] = [np.sort(values) for values in self._by_size.get(size, ())]
        return iter(self._sorted[size])

    def _same(self, values: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
        finite = np.isfinite(values)
        if not np.array_equal(finite, np.isfinite(other)):
            return False
        largest = np.max(np.abs(other[finite]), initial=0.0)
        return bool(np.all(np.abs(values[finite] - other[finite]) <= self._tolerance * largest))
