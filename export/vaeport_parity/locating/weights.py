"""Weights of a file beside those of its reference, whatever their names, layout and order."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from .graph_run import GraphRun
from .yardstick import Yardstick, relative, turned

_MOST_SHOWN = 4
_MOST_CHANGED = 0.5  # a weight of which more entries are unknown is another one, or computed anew
_ROUNDING = 1e-6


def constants_of(run: GraphRun, node: NodeProto) -> Iterator[tuple[int, str, NDArray[Any]]]:
    """Inputs of a node that do not depend on the graph's inputs: place, name and values."""
    for place, name in enumerate(node.input):
        value = run.values.get(name) if name else None
        if isinstance(value, np.ndarray) and name not in run.varying:
            yield place, name, value


def tampered(run: GraphRun, node: NodeProto, yardstick: Yardstick) -> bool:
    """Whether a node has a weight of which the reference has most entries, but not all."""
    for _, _, values in constants_of(run, node):
        if values.dtype.kind == "f" and values.size > 1:
            other = nearest_weight(values, yardstick)
            if other is not None and unknown_entries(values, other):
                return True
    return False


def nearest_weight(values: NDArray[Any], yardstick: Yardstick) -> NDArray[Any] | None:
    """The reference's weight that shares the most entries with one; None where none shares half of them."""
    best, fewest = None, int(_MOST_CHANGED * values.size)
    for other in yardstick.weights.values():
        if other.dtype.kind == values.dtype.kind and other.size >= values.size:
            unknown = unknown_entries(values, other)
            if unknown < fewest or (unknown == fewest and best is not None and other.size < best.size):
                best, fewest = other, unknown
    return best


def unknown_entries(values: NDArray[Any], other: NDArray[Any]) -> int:
    """How many entries of a weight are nowhere in another one, each of which counts once."""
    mine, counts = np.unique(np.ravel(values), return_counts=True)
    theirs, there = np.unique(np.ravel(other), return_counts=True)
    if not theirs.size:
        return int(values.size)
    places = np.minimum(np.searchsorted(theirs, mine), len(theirs) - 1)
    shared = np.where(theirs[places] == mine, np.minimum(counts, there[places]), 0)
    return int(values.size - shared.sum())


def change(values: NDArray[Any], wanted: NDArray[Any], where: str) -> str:
    """How a weight differs from the one that it should be, in words; empty where it does not.

    Args:
        values: the file's.
        wanted: the reference's, in any layout.
        where: what to call the reference.
    """
    if values.dtype.kind != wanted.dtype.kind:
        return f"is {values.dtype}, in {where} {wanted.dtype}"
    if values.size != wanted.size:
        if max(values.size, wanted.size) <= _MOST_SHOWN:
            return f"is {values.tolist()}, in {where} {wanted.tolist()}"
        return f"is {list(values.shape)}, in {where} {list(wanted.shape)}"
    if values.shape != wanted.shape:
        other = turned(wanted, values)
        wanted = other if other is not None else wanted.reshape(values.shape)
    if np.array_equal(values, wanted, equal_nan=values.dtype.kind == "f"):
        return ""
    if values.size <= _MOST_SHOWN:
        return f"is {_shown(values)}, in {where} {_shown(wanted)}"
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            if np.array_equal(values, wanted.astype(np.float16).astype(values.dtype)):
                return "is rounded to float16"
        if relative(values, wanted) <= _ROUNDING / 10:
            return ""
    unknown = unknown_entries(values, wanted)
    off = values != wanted
    if not unknown:
        return f"holds the values of {where} in another order in {int(off.sum())} of {values.size} places"
    if unknown < int(off.sum()) // 2:
        return f"has {unknown} of {values.size} values that {where} has not"
    largest = float(np.max(np.abs(values.astype(np.float64) - wanted.astype(np.float64))))
    return f"differs from that of {where} in {int(off.sum())} of {values.size} values, by up to {largest:.2g}"


def _shown(values: NDArray[Any]) -> str:
    if values.dtype.kind == "f":
        return str(np.array2string(values, precision=6, separator=", "))
    return str(values.tolist())
