"""Axes of inputs and initializers that have the same size for the same reason, made shorter together."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from vaeport.errors import InputError

from ..subjects.tensors import Arrays
from .case import Case, copied, make_case, set_weight

Axis = tuple[str, int]
"""A tensor and the place of an axis."""

_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096)
_AT_ONCE = (1, 2, 4, 8, 16)
_CHANNELS_SECOND = ("BatchNormalization", "InstanceNormalization", "GroupNormalization", "PRelu")


def shorter(case: Case, worst: tuple[int, ...]) -> Iterator[Case]:
    """Cases with an axis cut short, wherever it occurs: the shortest first.

    Args:
        case: the case.
        worst: index of the number of the output that is wrong; what leads to it is kept where that can be told.
    """
    groups = linked_axes(case)
    arrays = {**case.inputs, **case.weights}
    yield from _all_shorter(case, groups, worst)
    for group in groups:
        own = [(name, place) for name, place in group if name in arrays]
        if not own:
            continue
        size = arrays[own[0][0]].shape[own[0][1]]
        at = _index_of(group, case, worst)
        for length in (each for each in _SIZES if each < size):
            for start in _starts(size, length, at):
                if (candidate := _cut(case, own, slice(start, start + length))) is not None:
                    yield candidate


def _all_shorter(case: Case, groups: list[list[Axis]], worst: tuple[int, ...]) -> Iterator[Case]:
    """The case with every axis cut to one length at once, where that can be: few trials, since a trial may be slow."""
    for length in _AT_ONCE:
        smaller: Case | None = case
        for group in groups:
            arrays = {**smaller.inputs, **smaller.weights} if smaller else {}
            own = [(name, place) for name, place in group if name in arrays]
            size = arrays[own[0][0]].shape[own[0][1]] if own else 0
            if smaller is None or size <= length:
                continue
            start = next(iter(_starts(size, length, _index_of(group, case, worst))))
            smaller = _cut(smaller, own, slice(start, start + length)) or smaller
        if smaller is not None and smaller is not case:
            yield smaller


def _index_of(group: list[Axis], case: Case, worst: tuple[int, ...]) -> int | None:
    """Where the wrong number is along an axis; None where the output does not have it."""
    return next((worst[place] for name, place in group if name == case.output and place < len(worst)), None)


def linked_axes(case: Case) -> list[list[Axis]]:
    """Axes longer than 1 of all tensors, those together that must have the same size."""
    shapes = {name: values.shape for name, values in case.values.items()}
    parent: dict[Axis, Axis] = {}

    def root(axis: Axis) -> Axis:
        while parent.setdefault(axis, axis) != axis:
            axis = parent[axis]
        return axis

    for name, shape in shapes.items():
        for place, size in enumerate(shape):
            if size > 1:
                root((name, place))
    for node in case.model.graph.node:
        for one, other in _pairs(node, shapes):
            if shapes[one[0]][one[1]] == shapes[other[0]][other[1]] > 1:
                parent[root(one)] = root(other)
    groups: dict[Axis, list[Axis]] = {}
    for axis in list(parent):
        groups.setdefault(root(axis), []).append(axis)
    arrays = {**case.inputs, **case.weights}
    mine = [group for group in groups.values() if any(name in arrays for name, _ in group)]
    return sorted(mine, key=lambda group: -_weight(group, arrays))


def _weight(group: list[Axis], arrays: Arrays) -> int:
    """How many numbers a group of axes takes part in; the batch, which is first everywhere, comes before all."""
    batch = all(place == 0 for _, place in group) and any(name not in arrays for name, _ in group)
    return sum(arrays[name].size for name, _ in group if name in arrays) + 10**9 * batch


def _starts(size: int, length: int, at: int | None) -> Iterable[int]:
    """Where a piece may begin: around an index, else in front or behind."""
    if at is not None:
        return (min(max(at - length // 2, 0), size - length),)
    return dict.fromkeys((0, size - length))


def _cut(case: Case, group: list[Axis], kept: slice) -> Case | None:
    model, inputs = copied(case), dict(case.inputs)
    weights = dict(case.weights)
    for name, place in group:
        index = (slice(None),) * place + (kept,)
        if name in inputs:
            inputs[name] = np.ascontiguousarray(inputs[name][index])
        else:
            weights[name] = weights[name][index]
    for name in {name for name, _ in group if name in weights}:
        set_weight(model, name, weights[name])
    for node in model.graph.node:  # as many groups as channels: they go together
        number = next((each for each in node.attribute if each.name == "group"), None)
        if number is not None and number.i > 1 and (node.input[1], 0) in group:
            number.i = kept.stop - kept.start
    try:
        return make_case(model, inputs)
    except InputError:
        return None


def _pairs(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[Axis, Axis]]:
    """Axes that must be equal because of a node, as far as they are known; of unknown ones a trial tells."""
    if node.output[0] not in shapes or not all(name in shapes for name in node.input if name):
        return
    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    inputs, output = list(node.input), node.output[0]
    if node.op_type in ("Conv", "ConvTranspose"):
        yield from _of_convolution(node, inputs, output, given)
    elif node.op_type == "Gemm":
        left, right = int(given.get("transA", 0)), int(given.get("transB", 0))
        yield (inputs[0], 1 - left), (inputs[1], right)
        yield (inputs[0], left), (output, 0)
        yield (inputs[1], 1 - right), (output, 1)
        if len(inputs) > 2 and inputs[2]:
            yield from _aligned(inputs[2], output, shapes)
    elif node.op_type == "MatMul":
        yield from _of_product(inputs, output, shapes)
    elif node.op_type == "Transpose":
        rank = len(shapes[output])
        for place, source in enumerate(given.get("perm") or range(rank)[::-1]):
            yield (inputs[0], int(source)), (output, place)
    elif node.op_type == "Concat":
        axis = int(given["axis"]) % len(shapes[output])
        for name in inputs:
            yield from (((name, p), (output, p)) for p in range(len(shapes[output])) if p != axis)
    else:
        for name in filter(None, inputs):
            by_channel = len(shapes[name]) == 1 != len(shapes[output])
            if node.op_type in _CHANNELS_SECOND and by_channel:
                yield (name, 0), (inputs[0], 1)
            elif node.op_type in ("QuantizeLinear", "DequantizeLinear") and by_channel:
                yield (name, 0), (inputs[0], int(given.get("axis", 1)) % len(shapes[output]))
            else:
                yield from _aligned(name, output, shapes)


def _of_convolution(
    node: onnx.NodeProto, inputs: list[str], output: str, given: dict[str, Any]
) -> Iterator[tuple[Axis, Axis]]:
    transposed = node.op_type == "ConvTranspose"
    into, out = (0, 1) if transposed else (1, 0)
    yield (inputs[0], 0), (output, 0)
    yield (inputs[1], out), (output, 1)
    if len(inputs) > 2 and inputs[2]:
        yield (inputs[2], 0), (output, 1)
    # With as many groups as channels, channels go in and out together.
    yield (inputs[0], 1), (inputs[1], into) if int(given.get("group", 1)) == 1 else (output, 1)


def _of_product(inputs: list[str], output: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[Axis, Axis]]:
    left, right = (len(shapes[name]) for name in inputs)
    rank = len(shapes[output])
    yield (inputs[0], left - 1), (inputs[1], max(right - 2, 0))
    if left > 1:
        yield (inputs[0], left - 2), (output, rank - 2 if right > 1 else rank - 1)
    if right > 1:
        yield (inputs[1], right - 1), (output, rank - 1)
    for name, own in zip(inputs, (left, right), strict=True):
        for place in range(own - 2):
            yield (name, place), (output, rank - own + place)


def _aligned(name: str, output: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[Axis, Axis]]:
    """Axes of a tensor and of an output from the last one on, as they are when they are broadcast."""
    own, rank = len(shapes[name]), len(shapes[output])
    yield from (((name, own - 1 - back), (output, rank - 1 - back)) for back in range(min(own, rank)))


def same_values(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are the same, NaN included."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
