"""Operators that pick, place, sort and count elements."""

from __future__ import annotations

import math

import numpy as np

from ..limits import MAX_KNOWN_VALUES
from ..tensors import INT32, INT64, type_name
from .call import Call, Known, Shape
from .shaping import checked


def gather(call: Call) -> Known:
    """Gather whole slices along an axis."""
    source, indices = call.input(0), _indices(call, 1)
    if not source.shape:
        call.fail("gathers from a tensor without axes")
    axis = call.axis(call.number("axis", 0), len(source.shape))
    _check_bounds(call, indices, source.shape[axis])
    answer = call.like(0, (*source.shape[:axis], *indices.shape, *source.shape[axis + 1 :]))
    if answer.size <= MAX_KNOWN_VALUES and source.value is not None and indices.value is not None:
        return Known(answer.dtype, answer.shape, value=np.asarray(np.take(source.value, indices.value, axis)))
    return answer


def gather_elements(call: Call) -> Known:
    """GatherElements: one element for each index."""
    source, indices = call.input(0), _indices(call, 1)
    axis = call.axis(call.number("axis", 0), len(source.shape))
    _check_inside(call, source.shape, indices.shape, axis)
    _check_bounds(call, indices, source.shape[axis])
    call.work += indices.size * 64
    return call.like(0, indices.shape)


def gather_nd(call: Call) -> Known:
    """GatherND: a slice for each tuple of indices."""
    source, indices = call.input(0), _indices(call, 1)
    batch, rank = call.number("batch_dims", 0), len(indices.shape)
    if not 0 <= batch < min(len(source.shape), rank) or source.shape[:batch] != indices.shape[:batch]:
        call.fail(f"has {batch} batch axes, which do not fit its inputs")
    depth = indices.shape[-1]
    if not 1 <= depth <= len(source.shape) - batch:
        call.fail(f"has tuples of {depth} indices into the shape {list(source.shape)}")
    _check_tuples(call, indices, source.shape[batch : batch + depth])
    return call.like(0, (*indices.shape[:-1], *source.shape[batch + depth :]))


def scatter_elements(call: Call) -> Known:
    """ScatterElements, and Scatter as it was called."""
    source, indices, updates = call.input(0), _indices(call, 1), call.input(2)
    axis = call.axis(call.number("axis", 0), len(source.shape))
    if updates.shape != indices.shape:
        call.fail(f"has indices of the shape {list(indices.shape)} but updates of {list(updates.shape)}")
    _check_inside(call, source.shape, indices.shape, axis)
    _check_bounds(call, indices, source.shape[axis])
    call.work += indices.size * 64
    return call.like()


def scatter_nd(call: Call) -> Known:
    """ScatterND: a slice for each tuple of indices."""
    source, indices, updates = call.input(0), _indices(call, 1), call.input(2)
    depth = indices.shape[-1] if indices.shape else 0
    if not 1 <= depth <= len(source.shape):
        call.fail(f"has tuples of {depth} indices into the shape {list(source.shape)}")
    if updates.shape != (*indices.shape[:-1], *source.shape[depth:]):
        call.fail(f"has updates of the shape {list(updates.shape)}, which do not fit its indices")
    _check_tuples(call, indices, source.shape[:depth])
    call.work += updates.size * 32
    return call.like()


def one_hot(call: Call) -> Known:
    """OneHot: an axis of `depth` for each index."""
    indices, depth = call.input(0), call.input(1).value
    if depth is None or depth.size != 1 or not np.isfinite(depth).all():
        call.fail("takes its depth from an input that is not one known number")
    size, values = int(depth.reshape(-1)[0]), call.shape(2, rank=1)
    if values != (2,):
        call.fail(f"takes two values, but has the shape {list(values)}")
    rank = len(indices.shape)
    axis = call.axis(call.number("axis", -1), rank + 1)
    if size < 1:
        call.fail(f"has the depth {size}")
    return call.like(2, checked(call, (*indices.shape[:axis], size, *indices.shape[axis:])))


def top_k(call: Call) -> list[Known | None]:
    """TopK along an axis."""
    shape = call.shape(0, least=1)
    axis = call.axis(call.number("axis", -1), len(shape))
    k = call.integer(1) if call.opset >= _TOP_K_INPUT else call.number("k", -1)
    if not 0 <= k <= shape[axis]:
        call.fail(f"takes the {k} largest of {shape[axis]}")
    call.work += call.input(0).size * 320
    answer = (*shape[:axis], k, *shape[axis + 1 :])
    return [call.like(0, answer), call.like(0, answer, dtype=INT64)]


def arg_reduce(call: Call) -> Known:
    """ArgMax and ArgMin."""
    shape = call.shape(0, least=1)
    axis = call.axis(call.number("axis", 0), len(shape))
    if not shape[axis]:
        call.fail("looks for the largest of nothing")
    call.work += 48 * call.input(0).size
    kept = (1,) if call.flag("keepdims", default=True) else ()
    return call.like(0, (*shape[:axis], *kept, *shape[axis + 1 :]), dtype=INT64)


def cumulate(call: Call) -> Known:
    """CumSum and CumProd along an axis that is known."""
    shape = call.shape(0, least=1)
    call.axis(call.integer(1), len(shape))
    call.work += 64 * call.input(0).size
    return call.like()


def _indices(call: Call, index: int) -> Known:
    known = call.input(index)
    if known.dtype not in (INT32, INT64):
        call.fail(f"takes integers as indices, but has {type_name(known.dtype)}")
    return known


def _check_bounds(call: Call, indices: Known, size: int) -> None:
    """Indices that are known must be inside; the others are checked by onnxruntime as it runs."""
    value = indices.value
    if value is not None and value.size and not (-size <= value.min() and value.max() < size):
        call.fail(f"has an index outside an axis of {size}")
    if indices.size and not size:
        call.fail("takes from an axis of size 0")


def _check_tuples(call: Call, indices: Known, sizes: Shape) -> None:
    value = indices.value
    if value is None or not value.size:
        if indices.size and not math.prod(sizes):
            call.fail("takes from an axis of size 0")
        return
    limits = np.array(sizes, np.int64)
    if np.any(value < -limits) or np.any(value >= limits):
        call.fail(f"has an index outside the shape {list(sizes)}")


def _check_inside(call: Call, source: Shape, indices: Shape, axis: int) -> None:
    """Indices have as many axes as the source and are nowhere larger but along the axis."""
    if len(source) != len(indices) or any(
        mine > other for other_axis, (mine, other) in enumerate(zip(indices, source, strict=True)) if other_axis != axis
    ):
        call.fail(f"has indices of the shape {list(indices)} into {list(source)}")


_TOP_K_INPUT = 10
