"""Operators that make, ask for and change shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..limits import MAX_KNOWN_VALUES, MAX_NODE_TENSORS
from ..reading import (
    ATTRIBUTE_FLOAT,
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_INT,
    ATTRIBUTE_INTS,
    ATTRIBUTE_TENSOR,
)
from ..tensors import DOUBLE, FLOAT, INT16, INT32, INT64, NUMPY_TYPES, type_name
from .call import Call, Known, Shape, numpy_type


def constant(call: Call) -> Known:
    """Constant, in each of its forms but sparse and text."""
    given = list(call.node.attributes.values())
    if len(given) != 1:
        call.fail(f"has {len(given)} attributes, but a constant has one value")
    name, kind, value = given[0]
    if (name, kind) == ("value", ATTRIBUTE_TENSOR):
        return Known(value.dtype, value.dims, source=value)
    forms: dict[tuple[str, int], int] = {
        ("value_float", ATTRIBUTE_FLOAT): FLOAT,
        ("value_floats", ATTRIBUTE_FLOATS): FLOAT,
        ("value_int", ATTRIBUTE_INT): INT64,
        ("value_ints", ATTRIBUTE_INTS): INT64,
    }
    dtype = forms.get((name, kind))
    if dtype is None:
        call.fail(f"has the value {name!r}, which is not read here")
    array = np.array(value, numpy_type(dtype))
    return Known(dtype, array.shape, value=array if array.size <= MAX_KNOWN_VALUES else None)


def constant_of_shape(call: Call) -> Known:
    """ConstantOfShape: one value, as often as the input says."""
    shape = checked(call, call.integers(0))
    tensor = call.attribute("value", ATTRIBUTE_TENSOR, None)
    dtype = FLOAT if tensor is None else tensor.dtype
    if tensor is not None and tensor.size != 1:
        call.fail(f"has a value of {tensor.size} elements, but must have one")
    value = np.zeros(1, np.float32) if tensor is None else tensor.values()
    if value is None or math.prod(shape) > MAX_KNOWN_VALUES:
        return Known(dtype, shape)
    return Known(dtype, shape, value=np.full(shape, value.reshape(())))


def shape_of(call: Call) -> Known:
    """Shape, or a part of it."""
    shape = call.input(0).shape
    part = shape[_clamped(call.number("start", 0), len(shape)) : _clamped(call.number("end", len(shape)), len(shape))]
    call.asked += part
    return Known(INT64, (len(part),), value=np.array(part, np.int64))


def size_of(call: Call) -> Known:
    """Size: how many elements."""
    call.asked += call.input(0).shape
    return Known(INT64, (), value=np.array(call.input(0).size, np.int64))


def reshape(call: Call) -> Known:
    """Reshape: 0 keeps an axis unless `allowzero`, one -1 takes what is left."""
    source, target = call.input(0), call.integers(1)
    keep = not call.flag("allowzero")
    sizes: list[int] = []
    for axis, size in enumerate(target):
        kept = size == 0 and keep
        if kept and axis >= len(source.shape):
            call.fail(f"keeps axis {axis} of the shape {list(source.shape)}, which has none")
        sizes.append(source.shape[axis] if kept else size)
    return _moved(source, _inferred(call, source.size, sizes))


def flatten(call: Call) -> Known:
    """Flatten to two axes."""
    source = call.input(0)
    rank = len(source.shape)
    axis = call.number("axis", 1)
    if not -rank <= axis <= rank:
        call.fail(f"has the axis {axis}, which a tensor of {rank} axes does not have")
    axis = axis + rank if axis < 0 else axis
    return _moved(source, (math.prod(source.shape[:axis]), math.prod(source.shape[axis:])))


def squeeze(call: Call) -> Known:
    """Squeeze: leave out axes of size 1."""
    source = call.input(0)
    given = _axes_given(call)
    if given is None:
        call.asked += source.shape
        axes = [axis for axis, size in enumerate(source.shape) if size == 1]
    else:
        axes = call.axes(given, len(source.shape))
    for axis in axes:
        if source.shape[axis] != 1:
            call.fail(f"leaves out axis {axis} of the shape {list(source.shape)}, which is not of size 1")
    return _moved(source, tuple(size for axis, size in enumerate(source.shape) if axis not in axes))


def unsqueeze(call: Call) -> Known:
    """Unsqueeze: put in axes of size 1."""
    source = call.input(0)
    given = _axes_given(call)
    if given is None:
        call.fail("does not say which axes to put in")
    rank = len(source.shape) + len(given)
    axes, rest = call.axes(given, rank), iter(source.shape)
    return _moved(source, tuple(1 if axis in axes else next(rest) for axis in range(rank)))


def transpose(call: Call) -> Known:
    """Transpose."""
    source = call.input(0)
    rank = len(source.shape)
    order = call.numbers("perm", tuple(reversed(range(rank))))
    if sorted(order) != list(range(rank)):
        call.fail(f"has the order {list(order)[:16]}, which is none of {rank} axes")
    value = source.value if source.size <= MAX_KNOWN_VALUES else None
    answer = tuple(source.shape[axis] for axis in order)
    call.work += 32 * source.size
    return Known(source.dtype, answer, value=None if value is None else value.transpose(order))


def concat(call: Call) -> Known:
    """Concat along one axis."""
    inputs = [call.input(index) for index in range(len(call.inputs))]
    first = inputs[0].shape
    if not call.has("axis"):
        call.fail("does not say along which axis")
    axis = call.axis(call.number("axis", 0), len(first))
    total = 0
    for known in inputs:
        shape = known.shape
        if len(shape) != len(first) or shape[:axis] != first[:axis] or shape[axis + 1 :] != first[axis + 1 :]:
            call.fail(f"joins the shapes {list(first)} and {list(shape)} along axis {axis}, which do not fit")
        total += shape[axis]
    answer = call.like(0, (*first[:axis], total, *first[axis + 1 :]))
    if answer.size > MAX_KNOWN_VALUES:
        return answer
    values = []
    for known in inputs:
        value = known.value
        if value is None:
            return answer
        values.append(value)
    return Known(answer.dtype, answer.shape, value=np.concatenate(values, axis))


def split(call: Call) -> list[Known | None]:
    """Split into parts of the sizes that are given, or of equal size."""
    source = call.input(0)
    if not source.shape:
        call.fail("splits a tensor without axes")
    axis = call.axis(call.number("axis", 0), len(source.shape))
    whole, parts = source.shape[axis], len(call.node.outputs)
    sizes: list[int]
    if call.given(1):
        sizes = call.integers(1)
    elif call.has("split"):
        sizes = list(call.numbers("split", ()))
    else:
        count = call.number("num_outputs", parts)
        if not 0 < count <= MAX_NODE_TENSORS or count != parts:
            call.fail(f"says that it has {count} parts, but has {parts}")
        if call.opset < _SPLIT_UNEVEN and whole % parts:
            call.fail(f"splits an axis of {whole} into {parts} equal parts")
        part = -(-whole // parts)
        sizes = [part] * (parts - 1) + [whole - part * (parts - 1)]
    if len(sizes) != parts or sum(sizes) != whole or min(sizes) < 0:
        call.fail(f"splits an axis of {whole} into the parts {sizes[:16]} for {parts} outputs")
    value, answers, start = source.value, list[Known | None](), 0
    for size in sizes:
        shape = (*source.shape[:axis], size, *source.shape[axis + 1 :])
        part_value = None if value is None else value[(slice(None),) * axis + (slice(start, start + size),)]
        answers.append(Known(source.dtype, shape, value=part_value))
        start += size
    return answers


def slice_(call: Call) -> Known:
    """Slice: start, end, axis and step, clamped as numpy does."""
    source = call.input(0)
    rank = len(source.shape)
    if call.opset >= _SLICE_INPUTS:
        starts, ends = call.integers(1), call.integers(2)
        axes = call.integers(3) if call.given(3) else list(range(len(starts)))
        steps = call.integers(4) if call.given(4) else [1] * len(starts)
    else:
        starts, ends = list(call.numbers("starts", ())), list(call.numbers("ends", ()))
        axes, steps = list(call.numbers("axes", range(len(starts)))), [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) <= rank:
        call.fail(f"has {len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps")
    cuts = [slice(None)] * rank
    sizes = list(source.shape)
    for start, end, axis, step in zip(starts, ends, call.axes(axes, rank), steps, strict=True):
        if not 0 < abs(step) < _WHOLE:
            call.fail(f"has the step {step}")
        whole = sizes[axis]
        positions = range(*slice(start, end, step).indices(whole))
        sizes[axis] = len(positions)
        cuts[axis] = slice(start, end, step)
        if len(positions) != whole:
            call.asked += (whole,)
    value = source.value
    return Known(source.dtype, tuple(sizes), value=None if value is None else np.array(value[tuple(cuts)]))


def expand(call: Call) -> Known:
    """Expand to a shape, by numpy's rule."""
    source = call.input(0)
    shape = checked(call, call.broadcast(source.shape, checked(call, call.integers(1))))
    value = source.value if math.prod(shape) <= MAX_KNOWN_VALUES else None
    return Known(source.dtype, shape, value=None if value is None else np.broadcast_to(value, shape))


def tile(call: Call) -> Known:
    """Tile: repeat along each axis."""
    source, repeats = call.input(0), call.integers(1)
    if len(repeats) != len(source.shape) or (repeats and min(repeats) < 0):
        call.fail(f"repeats {repeats[:16]} times the shape {list(source.shape)}")
    shape = checked(call, [size * times for size, times in zip(source.shape, repeats, strict=True)])
    value = source.value if 0 < math.prod(shape) <= MAX_KNOWN_VALUES else None
    return Known(source.dtype, shape, value=None if value is None else np.tile(value, repeats))


def pad(call: Call) -> Known:
    """Pad: grow, or cut where a number is negative."""
    source = call.input(0)
    rank = len(source.shape)
    pads = call.integers(1) if call.opset >= _PAD_INPUTS else list(call.numbers("pads", ()))
    axes = call.axes(call.integers(3), rank) if call.given(3) else list(range(rank))
    if len(pads) != 2 * len(axes):
        call.fail(f"has {len(pads)} pads for {len(axes)} axes, but takes two for each")
    mode = call.text("mode", "constant")
    if mode not in ("constant", "reflect", "edge", "wrap"):
        call.fail(f"has the mode {mode[:20]!r}")
    if call.given(2) and call.input(2).size != 1:
        call.fail("takes one number to fill with")
    sizes = list(source.shape)
    for position, axis in enumerate(axes):
        before, after = pads[position], pads[position + len(axes)]
        size = sizes[axis]
        if min(before, after) < 0:
            call.asked += (size,)
        if (
            max(-before, -after, 0) > size
            or size + before + after < 0
            or (min(before, after) < 0 and mode != "constant")
        ):
            call.fail(f"cuts {before} and {after} from an axis of {size}")
        if (before > 0 or after > 0) and mode != "constant":
            most = size - 1 if mode == "reflect" else size if mode == "wrap" else _WHOLE if size else 0
            if max(before, after) > most:
                call.fail(f"grows an axis of {size} by {max(before, after)} in the mode {mode}")
        sizes[axis] = size + before + after
    return call.like(0, checked(call, sizes))


def range_(call: Call) -> Known:
    """Range: from, to, step."""
    dtype, values = call.input(0).dtype, []
    for index in range(3):
        value = call.input(index).value
        if value is None or value.size != 1 or call.input(index).dtype != dtype:
            call.fail(f"takes its bounds from input {index}, which is not known before it runs")
        values.append(value.reshape(())[()])
    start, limit, delta = values
    if not np.isfinite(values).all() or delta == 0 or max(map(abs, map(float, values))) > _WHOLE:
        call.fail(f"runs from {start} to {limit} by {delta}")
    if dtype not in (FLOAT, DOUBLE, INT16, INT32, INT64):
        call.fail(f"counts in {type_name(dtype)}, which is not allowed")
    with np.errstate(all="ignore"):
        count = max(0, math.ceil(float(limit - start) / float(delta)))  # as onnxruntime has it, in the bounds' own type
    if count > MAX_KNOWN_VALUES or dtype not in (INT16, INT32, INT64):
        return call.like(0, checked(call, [count]))
    return Known(dtype, (count,), value=(int(start) + int(delta) * np.arange(count)).astype(numpy_type(dtype)))


def trilu(call: Call) -> Known:
    """Trilu: a triangle of each matrix."""
    call.shape(0, least=2)
    if call.given(1) and abs(call.integer(1)) > _WHOLE:
        call.fail("has a diagonal far outside its matrix")
    return call.like()


def eye_like(call: Call) -> Known:
    """EyeLike: a unit matrix."""
    call.shape(0, rank=2)
    if abs(call.number("k", 0)) > _WHOLE:
        call.fail("has a diagonal far outside its matrix")
    dtype = call.number("dtype", call.input(0).dtype)
    if dtype not in NUMPY_TYPES:
        call.fail(f"makes {type_name(dtype)}, which is not allowed")
    return call.like(dtype=dtype)


def depth_to_space(call: Call) -> Known:
    """DepthToSpace."""
    n, channels, height, width = call.shape(0, rank=4)
    block = _block(call)
    if channels % (block * block):
        call.fail(f"has {channels} channels, which blocks of {block} x {block} do not divide")
    return call.like(0, (n, channels // (block * block), height * block, width * block))


def space_to_depth(call: Call) -> Known:
    """SpaceToDepth."""
    n, channels, height, width = call.shape(0, rank=4)
    block = _block(call)
    if height % block or width % block:
        call.fail(f"has {height} x {width} pixels, which blocks of {block} x {block} do not divide")
    return call.like(0, (n, channels * block * block, height // block, width // block))


def reverse_sequence(call: Call) -> Known:
    """ReverseSequence: lengths must be known, onnxruntime reads them as they are."""
    shape = call.shape(0, least=2)
    batch, time = call.number("batch_axis", 1), call.number("time_axis", 0)
    if sorted((batch, time)) != [0, 1]:
        call.fail(f"has the batch axis {batch} and the time axis {time}; they must be 0 and 1")
    lengths = call.integers(1)
    if len(lengths) != shape[batch] or not all(0 <= length <= shape[time] for length in lengths):
        call.fail(f"has sequence lengths that do not fit the shape {list(shape)}")
    return call.like()


def checked(call: Call, sizes: Any) -> Shape:
    """A shape that the graph asks for: no negative size, no number that overflows."""
    shape = tuple(sizes)
    if len(shape) > _AXES or min(shape, default=0) < 0 or math.prod(max(size, 1) for size in shape) > _WHOLE:
        call.fail(f"makes the shape {list(shape)[:16]}, which is not allowed")
    return shape


def _inferred(call: Call, elements: int, sizes: list[int]) -> Shape:
    """A shape whose -1 stands for what is left of so many elements."""
    unknown = sizes.count(-1)
    if unknown > 1 or any(size < -1 for size in sizes):
        call.fail(f"takes the shape {sizes[:16]}; at most one size may be -1")
    if unknown:
        rest = math.prod(size for size in sizes if size != -1)
        if rest == 0 or elements % rest:
            call.fail(f"brings {elements} elements into the shape {sizes[:16]}, which does not divide them")
        sizes = [elements // rest if size == -1 else size for size in sizes]
    if math.prod(sizes) != elements:
        call.fail(f"brings {elements} elements into the shape {sizes[:16]}")
    return checked(call, sizes)


def _moved(source: Known, shape: Shape) -> Known:
    """The same elements under another shape."""
    value = source.value
    return Known(source.dtype, shape, value=None if value is None else value.reshape(shape))


def _axes_given(call: Call) -> list[int] | None:
    if call.opset >= _AXES_INPUT:
        return call.integers(1) if call.given(1) else None
    return list(call.numbers("axes", ())) if call.has("axes") else None


def _block(call: Call) -> int:
    block = call.number("blocksize", 0)
    if not 0 < block < _BLOCK:
        call.fail(f"has the block size {block}")
    return block


def _clamped(index: int, rank: int) -> int:
    return min(max(index + rank if index < 0 else index, 0), rank)


_WHOLE = 2**40
_BLOCK = 2**16
_AXES = 16
_AXES_INPUT = 13
"""First opset whose Squeeze, Unsqueeze and ReduceSum take their axes as an input."""
_SLICE_INPUTS = 10
_PAD_INPUTS = 11
_SPLIT_UNEVEN = 18
"""First opset whose Split takes num_outputs, with a last part that may be smaller."""
