"""Operators between floats and small integers."""

from __future__ import annotations

import math

from ..tensors import FLOAT, UINT8, type_name
from .call import Call, Known


def quantize(call: Call) -> Known:
    """QuantizeLinear: floats to integers by a scale and a zero point of one tensor, axis or block."""
    _check_scales(call)
    dtype = call.input(2).dtype if call.given(2) else call.number("output_dtype", UINT8) or UINT8
    if dtype not in _QUANTISED:
        call.fail(f"makes {type_name(dtype)}, which is not allowed")
    return call.like(dtype=dtype)


def dequantize(call: Call) -> Known:
    """DequantizeLinear: integers to floats."""
    _check_scales(call)
    if call.input(0).dtype not in _QUANTISED:
        call.fail(f"takes {type_name(call.input(0).dtype)}, which is not allowed")
    if call.given(2) and call.input(2).dtype != call.input(0).dtype:
        call.fail("has a zero point of another type than its input")
    return call.like(dtype=call.input(1).dtype)


def dynamic_quantize(call: Call) -> list[Known | None]:
    """DynamicQuantizeLinear: floats to uint8, with the scale and zero point that fit them."""
    return [call.like(dtype=UINT8), Known(FLOAT, ()), Known(UINT8, ())]


def _check_scales(call: Call) -> None:
    """Scale and zero point are one number, one for each position along the axis, or one for each block of it."""
    shape, scale = call.input(0).shape, call.input(1).shape
    if call.given(2) and call.input(2).shape != scale and not (math.prod(scale) == call.input(2).size == 1):
        call.fail(f"has a scale of the shape {list(scale)} but a zero point of {list(call.input(2).shape)}")
    if math.prod(scale) == 1 and len(scale) <= 1:
        return
    axis = call.axis(call.number("axis", 1), len(shape))
    block = call.number("block_size", 0)
    if len(scale) == 1 and not block:
        fits = scale[0] == shape[axis]
    else:
        fits = (
            block > 0
            and len(scale) == len(shape)
            and scale[axis] == -(-shape[axis] // block)
            and scale[:axis] == shape[:axis]
            and scale[axis + 1 :] == shape[axis + 1 :]
        )
    if not fits:
        call.fail(f"has a scale of the shape {list(scale)}, which does not fit {list(shape)} along axis {axis}")


_QUANTISED = frozenset((2, 3, 4, 5, 6, 17, 18, 19, 20, 21, 22))
"""(u)int8, (u)int16, int32, the four float8, (u)int4."""
