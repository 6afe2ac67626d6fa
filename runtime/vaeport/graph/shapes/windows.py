"""Convolutions and pooling: operators that move a window over the last axes."""

from __future__ import annotations

import math

from ..tensors import FLOAT, INT32, INT64
from .call import Call, Known, Shape
from .products import cost
from .shaping import checked


def conv(call: Call) -> Known:
    """Conv."""
    return call.like(0, _convolved(call, 0, 1, 2, cost(call.input(0))))


def conv_integer(call: Call) -> Known:
    """ConvInteger: integers of 8 bits to 32."""
    if call.given(2) and call.input(2).size != 1:
        call.fail("takes one number as the zero point of its input")
    if call.given(3) and call.input(3).size not in (1, call.input(1).shape[0]):
        call.fail("takes one zero point of its weight, or one for each channel")
    return call.like(0, _convolved(call, 0, 1, None, 1), dtype=INT32)


def qlinear_conv(call: Call) -> Known:
    """QLinearConv: integers of 8 bits with scales and zero points."""
    weight = call.shape(3, least=3)
    for index in (1, 2, 6, 7):
        if call.input(index).size != 1:
            call.fail(f"takes one number as input {index}")
    for index in (4, 5):
        if call.input(index).size not in (1, weight[0]):
            call.fail(f"takes one number as input {index}, or one for each channel")
    return call.like(7, _convolved(call, 0, 3, 8, 1))


def conv_transpose(call: Call) -> Known:
    """ConvTranspose: as the gradient of a convolution."""
    x = call.shape(0, least=3)
    spatial = len(x) - 2
    weight = call.shape(1, rank=len(x))
    group, kernel = call.number("group", 1), _kernel(call, weight[2:])
    strides, dilations = _strides(call, spatial), call.sizes("dilations", spatial, 1, least=1)
    if group < 1 or x[1] != weight[0] or x[1] % group:
        call.fail(f"has {group} groups and a weight {list(weight)} for {x[1]} channels")
    extra = call.sizes("output_padding", spatial, 0, least=0)
    channels = weight[1] * group
    if call.given(2) and call.input(2).shape != (channels,):
        call.fail(f"has a bias of the shape {list(call.input(2).shape)}, but {channels} channels")
    if any(more >= stride for more, stride in zip(extra, strides, strict=True)):
        call.fail(f"has an output padding of {list(extra)}, which is not below its strides {list(strides)}")
    reaches = [(k - 1) * dilation + 1 for k, dilation in zip(kernel, dilations, strict=True)]
    full = [
        (size - 1) * stride + reach + more
        for size, stride, reach, more in zip(x[2:], strides, reaches, extra, strict=True)
    ]
    if call.has("output_shape"):
        sizes = list(call.numbers("output_shape", ()))[-spatial:]
    elif _auto_pad(call) in ("SAME_UPPER", "SAME_LOWER"):
        sizes = [size * stride for size, stride in zip(x[2:], strides, strict=True)]
        if any(size > most for size, most in zip(sizes, full, strict=True)):
            call.fail("has strides above its window under automatic padding, which kernels understand differently")
    else:
        pads = _pads(call, spatial)
        sizes = [size - pads[axis] - pads[axis + spatial] for axis, size in enumerate(full)]
    # The kernel lays as many windows over its output as fit there: more of them than the input has would be read from
    # memory that is not the input's.
    if len(sizes) != spatial or any(
        size < 1 or (max(size, most) - reach) // stride + 1 != count
        for size, most, reach, stride, count in zip(sizes, full, reaches, strides, x[2:], strict=True)
    ):
        call.fail(f"answers the size {sizes[:8]}, which does not fit an input of {list(x[2:])} and its window")
    shape = _positive(call, (x[0], channels, *sizes))
    taps = math.prod(kernel) * weight[1]
    call.work += 4 * math.prod(x) * taps * cost(call.input(0))
    call.workspace += taps * group * math.prod(x[2:])
    return call.like(0, shape)


def pool(call: Call) -> Known:
    """AveragePool and LpPool."""
    return call.like(0, _pooled(call))


def max_pool(call: Call) -> list[Known | None]:
    """MaxPool, with the places of the largest as a second output."""
    call.flag("storage_order")
    shape = _pooled(call)
    return [call.like(0, shape), call.like(0, shape, dtype=INT64)]


def global_pool(call: Call) -> Known:
    """GlobalAveragePool, GlobalMaxPool, GlobalLpPool."""
    shape = call.shape(0, least=3)
    call.work += call.input(0).size * (_LP_STEPS if call.node.op_type == "GlobalLpPool" else _POOL_STEPS)
    return call.like(0, (*shape[:2], *(1 for _ in shape[2:])))


def lrn(call: Call) -> Known:
    """LRN over `size` channels."""
    shape, size = call.shape(0, least=3), call.number("size", 0)
    if not 0 < size < _MAX_SIZE or size % 2 == 0:
        call.fail(f"has the size {size}; it must be odd and positive")
    call.work += 640 * math.prod(shape) + 8 * size * math.prod(shape[2:])  # a power for each element
    call.workspace += (shape[1] + size) * math.prod(shape[2:])
    return call.like()


def col2im(call: Call) -> Known:
    """Col2Im: blocks laid over an image and added."""
    n, taps, blocks = call.shape(0, rank=3)
    image, block = call.integers(1), call.integers(2)
    spatial = len(image)
    if not spatial or len(block) != spatial or min(*image, *block) < 1 or max(*image, *block) >= _MAX_SIZE:
        call.fail(f"has the image {image[:8]} and the block {block[:8]}")
    strides, dilations = call.sizes("strides", spatial, 1, least=1), call.sizes("dilations", spatial, 1, least=1)
    pads = call.sizes("pads", 2 * spatial, 0, least=0)
    counts = [
        (image[axis] + pads[axis] + pads[axis + spatial] - dilations[axis] * (block[axis] - 1) - 1) // strides[axis] + 1
        for axis in range(spatial)
    ]
    if min(counts) < 1 or math.prod(counts) != blocks or taps % math.prod(block):
        call.fail(f"has {blocks} blocks of {taps}, which do not fit an image of {image[:8]}")
    call.work += 40 * n * taps * blocks
    return call.like(0, (n, taps // math.prod(block), *image))


def _convolved(call: Call, data: int, kernel_input: int, bias: int | None, step: int) -> Shape:
    x = call.shape(data, least=3)
    spatial = len(x) - 2
    weight = call.shape(kernel_input, rank=len(x))
    group, kernel = call.number("group", 1), _kernel(call, weight[2:])
    if group < 1 or weight[0] % group or weight[1] * group != x[1] or not weight[0]:
        call.fail(f"has {group} groups and a weight {list(weight)} for {x[1]} channels")
    if bias is not None and call.given(bias) and call.input(bias).shape != (weight[0],):
        call.fail(f"has a bias of the shape {list(call.input(bias).shape)}, but {weight[0]} channels")
    strides, dilations = _strides(call, spatial), call.sizes("dilations", spatial, 1, least=1)
    sizes = _window(call, x[2:], kernel, strides, dilations, ceil=False)
    taps = math.prod(kernel) * weight[1]
    shape = _positive(call, (x[0], weight[0], *sizes))
    # Few channels make matrices too thin for fast loops.
    call.work += math.prod(shape) * taps * step * (1 if weight[0] // group >= _WIDE else 4)
    if step != 1 or len(x) != _PICTURES or call.input(data).dtype != FLOAT:
        call.workspace += taps * group * math.prod(sizes)  # kernels without a tiled loop copy every window out
    else:
        call.workspace += min(taps * group * math.prod(sizes), _TILE)
    return shape


def _pooled(call: Call) -> Shape:
    x = call.shape(0, least=3)
    spatial = len(x) - 2
    if not call.has("kernel_shape"):
        call.fail("has no kernel_shape")
    if _auto_pad(call).startswith("SAME") and max(call.numbers("dilations", (1,)), default=1) > 1:
        call.fail("has dilations under automatic padding, which kernels understand differently")
    kernel = call.sizes("kernel_shape", spatial, 1, least=1)
    strides, dilations = _strides(call, spatial), call.sizes("dilations", spatial, 1, least=1)
    pads = call.numbers("pads", (0,) * 2 * spatial)
    if len(pads) == 2 * spatial and any(pads[axis] >= kernel[axis % spatial] for axis in range(2 * spatial)):
        call.fail(f"has pads of {list(pads)}, which are not below its kernel {list(kernel)}")
    sizes = _window(call, x[2:], kernel, strides, dilations, ceil=call.flag("ceil_mode"))
    shape = _positive(call, (*x[:2], *sizes))
    call.work += math.prod(shape) * math.prod(kernel) * (_LP_STEPS if call.node.op_type == "LpPool" else _POOL_STEPS)
    return shape


def _window(call: Call, sizes: Shape, kernel: Shape, strides: Shape, dilations: Shape, *, ceil: bool) -> list[int]:
    """Sizes of what a moving window answers."""
    spatial, auto = len(sizes), _auto_pad(call)
    answer = []
    pads = _pads(call, spatial) if auto == "NOTSET" else (0,) * 2 * spatial
    for axis, size in enumerate(sizes):
        reach, stride = (kernel[axis] - 1) * dilations[axis] + 1, strides[axis]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            answer.append(-(-size // stride))
            continue
        room = size + pads[axis] + pads[axis + spatial] - reach
        if room < 0:
            call.fail(f"has a window of {reach}, which is larger than an axis of {size} with its pads")
        count = room // stride + 1
        if ceil and room % stride and count * stride < size + pads[axis]:
            count += 1  # the last window starts inside the data or the pads before them
        answer.append(count)
    return answer


def _kernel(call: Call, weight: Shape) -> Shape:
    kernel = call.sizes("kernel_shape", len(weight), 1, least=1) if call.has("kernel_shape") else weight
    if kernel != weight or not all(weight):
        call.fail(f"has the kernel {list(kernel)}, but a weight of {list(weight)}")
    return kernel


def _strides(call: Call, spatial: int) -> Shape:
    return call.sizes("strides", spatial, 1, least=1)


def _pads(call: Call, spatial: int) -> Shape:
    return call.sizes("pads", 2 * spatial, 0, least=0)


def _auto_pad(call: Call) -> str:
    auto = call.text("auto_pad", "NOTSET") or "NOTSET"
    if auto not in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"):
        call.fail(f"has the auto_pad {auto[:20]!r}")
    return auto


def _positive(call: Call, sizes: tuple[int, ...]) -> Shape:
    if any(size < 1 for size in sizes[1:]):
        call.fail(f"answers the shape {list(sizes)[:16]}, which is empty")
    return checked(call, sizes)


_MAX_SIZE = 2**31
_WIDE = 16
_POOL_STEPS, _LP_STEPS = 40, 200
"""Steps of one element of a window: these kernels go element by element."""
_PICTURES = 4
_TILE = 2**18
