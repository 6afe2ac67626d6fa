"""Normalisations, softmaxes and reductions."""

from __future__ import annotations

import math

from ..tensors import INT64, type_name
from .call import Call, Known, Shape


def softmax(call: Call) -> Known:
    """Softmax, LogSoftmax and Hardmax along an axis."""
    shape = call.input(0).shape
    default = -1 if call.opset >= _SOFTMAX_LAST else 1
    if shape or call.opset >= _SOFTMAX_LAST:
        call.axis(call.number("axis", default), max(len(shape), 1))
    call.work += call.input(0).size * _STEPS
    return call.like()


def batch_norm(call: Call) -> list[Known | None]:
    """BatchNormalization as it answers after training."""
    shape = call.shape(0, least=2)
    if call.flag("training_mode") or len(call.node.outputs) > 1:
        call.fail("is in training mode")
    for index in range(1, 5):
        if call.shape(index, rank=1)[0] != shape[1]:
            call.fail(f"has {call.input(index).size} numbers as input {index}, but {shape[1]} channels")
    return [call.like()]


def instance_norm(call: Call) -> Known:
    """InstanceNormalization."""
    shape = call.shape(0, least=3)
    for index in (1, 2):
        if call.shape(index, rank=1)[0] != shape[1]:
            call.fail(f"has {call.input(index).size} numbers as input {index}, but {shape[1]} channels")
    call.work += call.input(0).size * _STEPS
    return call.like()


def group_norm(call: Call) -> Known:
    """GroupNormalization: scale and bias by group before opset 21, by channel since."""
    shape = call.shape(0, least=3)
    groups = call.number("num_groups", 0)
    if groups < 1 or shape[1] % groups:
        call.fail(f"has {groups} groups of {shape[1]} channels")
    expected = shape[1] if call.opset >= _GROUP_CHANNELS else groups
    for index in (1, 2):
        if call.input(index).shape != (expected,):
            call.fail(f"has input {index} of the shape {list(call.input(index).shape)}, but must have [{expected}]")
    call.work += call.input(0).size * _STEPS
    call.workspace += 3 * call.input(0).size  # it runs as a function of simpler operators
    return call.like()


def layer_norm(call: Call) -> list[Known | None]:
    """LayerNormalization and RMSNormalization over the axes from `axis` on, with mean and deviation as outputs."""
    shape = call.shape(0, least=1)
    axis = call.axis(call.number("axis", -1), len(shape))
    for index in range(1, len(call.inputs)):
        if call.given(index):
            call.expand_to(call.input(index).shape, shape)
            if math.prod(call.input(index).shape) not in (1, math.prod(shape[axis:])):
                call.fail(f"has input {index} of the shape {list(call.input(index).shape)} for {list(shape[axis:])}")
    call.work += call.input(0).size * _STEPS
    reduced = (*shape[:axis], *(1 for _ in shape[axis:]))
    statistic = call.number("stash_type", 1)
    if statistic not in (1, 10, 11, 16):
        call.fail(f"computes in {type_name(statistic)}")
    return [call.like(), call.like(0, reduced, dtype=statistic), call.like(0, reduced, dtype=statistic)]


def lp_norm(call: Call) -> Known:
    """LpNormalization along an axis."""
    shape = call.shape(0, least=1)
    call.axis(call.number("axis", -1), len(shape))
    if call.number("p", 2) not in (1, 2):
        call.fail(f"has p = {call.number('p', 2)}; it must be 1 or 2")
    return call.like()


def mean_variance(call: Call) -> Known:
    """MeanVarianceNormalization."""
    shape = call.input(0).shape
    call.axes(call.numbers("axes", (0, 2, 3)), len(shape))
    call.work += call.input(0).size * _STEPS
    call.workspace += 3 * call.input(0).size
    return call.like()


def reduce(call: Call) -> Known:
    """ReduceSum and its like: axes as an attribute, later as an input."""
    source = call.input(0)
    rank = len(source.shape)
    first = _SUM_AXES_INPUT if call.node.op_type == "ReduceSum" else _AXES_INPUT
    axes: list[int] | None = None
    if call.opset >= first:
        axes = call.integers(1) if call.given(1) else None
    elif call.has("axes"):
        axes = list(call.numbers("axes", ()))
    if not axes and call.flag("noop_with_empty_axes"):
        return call.like()
    reduced = set(call.axes(axes, rank)) if axes else set(range(rank))
    kept = call.flag("keepdims", default=True)
    sizes = [1 if axis in reduced else size for axis, size in enumerate(source.shape) if kept or axis not in reduced]
    call.work += source.size * _STEPS
    answer: Shape = tuple(sizes)
    if 0 in answer:  # onnxruntime leaves such a shape as it is, whatever its other sizes are
        call.fail(f"reduces the shape {list(source.shape)} to {sizes}, which is empty")
    value = source.value
    if value is not None and call.node.op_type in _FOLDED and source.dtype == INT64:
        axes = sorted(reduced)
        folded = getattr(value, _FOLDED[call.node.op_type])(axis=tuple(axes), keepdims=kept)
        estimate = getattr(value.astype("float64"), _FOLDED[call.node.op_type])(axis=tuple(axes), keepdims=kept)
        if max(abs(estimate).max(initial=0), abs(value.astype("float64")).max(initial=0)) < _CERTAIN:
            return Known(INT64, answer, value=folded.reshape(answer))
    return call.like(0, answer)


_CERTAIN = 2.0**30
"""Products and sums of integers are followed below it."""
_FOLDED = {"ReduceProd": "prod", "ReduceSum": "sum"}
"""Reductions that graphs do on shapes."""
_STEPS = 48
"""Steps of one element that is read."""
_SOFTMAX_LAST = 13
_GROUP_CHANNELS = 21
_AXES_INPUT = 18
_SUM_AXES_INPUT = 13
