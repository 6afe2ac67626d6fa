"""Float32 products summed one term after the other, as a plain kernel does it.

PyTorch's own kernels keep many partial sums and come out several times more exact than a plain loop; a runtime that
adds term by term is no less sound. The noise floor therefore takes both orders in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class PlainSums(TorchFunctionMode):
    """Inside this context, linear layers and ungrouped convolutions add their terms in order; slow."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in (functional.linear, torch.ops.aten.linear.default):
            return _linear(*args, **(kwargs or {}))
        if func in (torch.conv2d, torch.ops.aten.conv2d.default) and args[6:] in ((), (1,)):
            return _conv2d(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _linear(given: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    rows = given.flatten(0, -2)
    total = torch.zeros(len(rows), len(weight), dtype=given.dtype)
    for terms, weights in zip(rows.t().contiguous(), weight.t().contiguous(), strict=True):
        total.addcmul_(terms[:, None], weights)
    total = total.reshape(*given.shape[:-1], len(weight))
    return total if bias is None else total + bias


def _conv2d(
    given: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = (1, 1),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    groups: int = 1,
) -> Tensor:
    del groups  # 1
    patches = functional.unfold(given, weight.shape[2:], dilation, padding, stride).transpose(1, 2)
    summed = _linear(patches, weight.flatten(1), bias).transpose(1, 2)
    sizes = (
        (size + 2 * pad - spread * (kernel - 1) - 1) // step + 1
        for size, pad, spread, kernel, step in zip(
            given.shape[2:], padding, dilation, weight.shape[2:], stride, strict=True
        )
    )
    return summed.reshape(len(given), weight.shape[0], *sizes).contiguous()
