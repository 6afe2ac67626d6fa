"""Operators that change the size of pictures by interpolation."""

from __future__ import annotations

import math

from ..tensors import FLOAT, type_name
from .call import Call, Known, Shape
from .shaping import checked


def resize(call: Call) -> Known:
    """Resize by scales or to sizes (opset 10 and later)."""
    shape = call.shape(0, least=1)
    rank = len(shape)
    mode = call.text("mode", "nearest")
    if mode not in _TAPS:
        call.fail(f"has the mode {mode[:20]!r}")
    if call.opset < _RESIZE_SIZES:
        return _resized(call, shape, _by_scales(call, shape, _scales(call, 1), range(rank)), mode)
    axes = call.axes(call.numbers("axes", range(rank)), rank)
    _check_crop(call, len(axes))
    if call.given(3) and call.input(3).size:
        sizes = list(shape)
        wanted = call.integers(3)
        if len(wanted) != len(axes):
            call.fail(f"has {len(wanted)} sizes for {len(axes)} axes")
        for axis, size in zip(axes, _kept_ratio(call, [shape[axis] for axis in axes], wanted), strict=True):
            sizes[axis] = size
        return _resized(call, shape, checked(call, sizes), mode)
    return _resized(call, shape, _by_scales(call, shape, _scales(call, 2), axes), mode)


def upsample(call: Call) -> Known:
    """Upsample by scales (opset 9 and earlier)."""
    shape, mode = call.shape(0, least=1), call.text("mode", "nearest")
    if mode not in _TAPS:
        call.fail(f"has the mode {mode[:20]!r}")
    scales = list(call.reals("scales", ())) if call.opset < _UPSAMPLE_INPUT else _scales(call, 1)
    return _resized(call, shape, _by_scales(call, shape, scales, range(len(shape))), mode)


def grid_sample(call: Call) -> Known:
    """GridSample: one pixel for each place of a grid."""
    x = call.shape(0, least=3)
    grid = call.shape(1, rank=len(x))
    mode = call.text("mode", "bilinear")
    if grid[0] != x[0] or grid[-1] != len(x) - 2 or not all(x[2:]):
        call.fail(f"has a grid of the shape {list(grid)} for {list(x)}")
    answer = (*x[:2], *grid[1:-1])
    call.work += math.prod(answer) * (2048 if "cubic" in mode else 256) * (len(x) - 3)
    return call.like(0, answer)


def affine_grid(call: Call) -> Known:
    """AffineGrid: the places that an affine map makes of a picture's pixels."""
    theta, size = call.shape(0, rank=3), call.integers(1)
    spatial = len(size) - 2
    if spatial not in (2, 3) or theta != (size[0], spatial, spatial + 1) or min(size) < 1:
        call.fail(f"has maps of the shape {list(theta)} for a picture of {size[:8]}")
    answer = checked(call, (size[0], *size[2:], spatial))
    call.work += 32 * math.prod(answer) * (spatial + 1)
    call.workspace += 2 * math.prod(answer)
    return call.like(0, answer)


def _resized(call: Call, old: Shape, new: Shape, mode: str) -> Known:
    if any(size > 0 and before == 0 for before, size in zip(old, new, strict=True)) or 0 in new[1:]:
        call.fail(f"resizes {list(old)} to {list(new)}, which is empty")
    resized = sum(before != after for before, after in zip(old, new, strict=True))
    taps = _TAPS[mode] ** max(resized, 1)
    if call.flag("antialias"):  # a window as wide as the shrinking
        taps *= math.prod(-(-before // after) for before, after in zip(old, new, strict=True) if 0 < after < before)
    answer = call.like(0, new)
    call.work += taps * _TAP_STEPS * answer.size
    call.workspace += answer.size + call.input(0).size if call.flag("antialias") else sum(new) * 8
    return answer


def _scales(call: Call, index: int) -> list[float]:
    known = call.input(index)
    value = known.value
    if known.dtype != FLOAT:
        call.fail(f"takes floats as scales, but has {type_name(known.dtype)}")
    if value is None:
        call.fail("takes its scales from an input that is not known before it runs")
    return [float(scale) for scale in value.reshape(-1)]


def _by_scales(call: Call, shape: Shape, scales: list[float], axes: range | list[int]) -> Shape:
    if len(scales) != len(axes):
        call.fail(f"has {len(scales)} scales for {len(axes)} axes")
    sizes = list(shape)
    for axis, scale in zip(axes, scales, strict=True):
        if not (math.isfinite(scale) and 0 < scale < _MAX_SCALE):
            call.fail(f"has the scale {scale}")
        sizes[axis] = math.floor(shape[axis] * scale)
    return checked(call, sizes)


def _kept_ratio(call: Call, old: list[int], wanted: list[int]) -> list[int]:
    """Sizes under `keep_aspect_ratio_policy`."""
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch" or not old:
        return wanted
    if policy not in ("not_larger", "not_smaller") or not all(old):
        call.fail(f"has the policy {policy[:20]!r}")
    ratios = [size / before for before, size in zip(old, wanted, strict=True)]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [math.floor(scale * before + 0.5) for before in old]


def _check_crop(call: Call, axes: int) -> None:
    """The region of interest is known, for it decides which pixels are read."""
    if call.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize" and (
        not call.given(1) or call.input(1).value is None or call.input(1).size != 2 * axes
    ):
        call.fail("crops a region that is not known before it runs")


_TAPS = {"nearest": 1, "linear": 2, "cubic": 4}
_TAP_STEPS = 90
"""Steps of one pixel that is read: cubic kernels take 1,400 for each that they write, bilinear ones 80."""
_RESIZE_SIZES = 11
_UPSAMPLE_INPUT = 9
_MAX_SCALE = 2.0**31
