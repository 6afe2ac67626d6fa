"""Products summed one term after the other, as a plain kernel does it.

PyTorch's own kernels keep many partial sums and come out several times more exact than a plain loop; a runtime that
adds term by term is no less sound. The noise floor therefore takes both orders in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

_IMAGE_AXES = 2


class PlainSums(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Inside this context matrix products and convolutions of one or two dimensions add their terms in order; slow.

    It works below autograd, where linear layers, attention and recurrent cells have become products: captured programs
    and eager modules alike. What has kernels of its own there (a fused LSTM, 3-d convolutions) stays as it is.
    """

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace the operators that sum products."""
        plain = _PLAIN.get(func)
        if plain is None or not args[0].is_floating_point():
            return func(*args, **(kwargs or {}))
        with torch.utils._python_dispatch._disable_current_modes():  # noqa: SLF001 - the only way out of all modes
            answer = plain(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {})) if answer is None else answer


def _mm(left: Tensor, right: Tensor) -> Tensor:
    total = torch.zeros(len(left), right.shape[1], dtype=left.dtype)
    for column, row in zip(left.t().contiguous(), right.contiguous(), strict=True):
        total.addcmul_(column[:, None], row)
    return total


def _bmm(left: Tensor, right: Tensor) -> Tensor:
    total = torch.zeros(len(left), left.shape[1], right.shape[2], dtype=left.dtype)
    for column, row in zip(left.permute(2, 0, 1).contiguous(), right.transpose(0, 1).contiguous(), strict=True):
        total.addcmul_(column[:, :, None], row[:, None, :])
    return total


def _addmm(added: Tensor, left: Tensor, right: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * added + alpha * _mm(left, right)


def _baddbmm(added: Tensor, left: Tensor, right: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * added + alpha * _bmm(left, right)


def _convolution(
    given: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Tensor | None:
    axes = weight.dim() - 2
    if axes > _IMAGE_AXES or given.dim() != weight.dim() or not given.numel():
        return None
    if axes == 1:  # as an image of one line
        given, weight = given.unsqueeze(2), weight.unsqueeze(2)
        stride, dilation = [1, *stride], [1, *dilation]
        padding, output_padding = [0, *padding], [0, *output_padding]
    one = _transposed if transposed else _direct
    rows = weight.shape[0] // groups
    parts = [
        one(part, weight[index * rows : (index + 1) * rows], stride, padding, dilation, output_padding)
        for index, part in enumerate(given.chunk(groups, 1))
    ]
    summed = torch.cat(parts, 1)
    if bias is not None:
        summed = summed + bias[:, None, None]
    return summed.squeeze(2) if axes == 1 else summed


def _direct(
    given: Tensor, weight: Tensor, stride: list[int], padding: list[int], dilation: list[int], _: list[int]
) -> Tensor:
    patches = functional.unfold(given, weight.shape[2:], tuple(dilation), tuple(padding), tuple(stride)).transpose(1, 2)
    summed = _mm(patches.flatten(0, 1), weight.flatten(1).t()).reshape(*patches.shape[:2], -1).transpose(1, 2)
    sizes = (
        (size + 2 * pad - spread * (kernel - 1) - 1) // step + 1
        for size, pad, spread, kernel, step in zip(
            given.shape[2:], padding, dilation, weight.shape[2:], stride, strict=True
        )
    )
    return summed.reshape(len(given), weight.shape[0], *sizes).contiguous()  # as the fused kernel gives it


def _transposed(
    given: Tensor, weight: Tensor, stride: list[int], padding: list[int], dilation: list[int], output_padding: list[int]
) -> Tensor:
    pixels = given.flatten(2).transpose(1, 2)
    spread_out = _mm(pixels.flatten(0, 1), weight.flatten(1)).reshape(*pixels.shape[:2], -1).transpose(1, 2)
    sizes = [
        (size - 1) * step - 2 * pad + spread * (kernel - 1) + more + 1
        for size, step, pad, spread, kernel, more in zip(
            given.shape[2:], stride, padding, dilation, weight.shape[2:], output_padding, strict=True
        )
    ]
    return functional.fold(spread_out, tuple(sizes), weight.shape[2:], tuple(dilation), tuple(padding), tuple(stride))


_PLAIN: dict[Any, Callable[..., Tensor | None]] = {
    aten.mm.default: _mm,
    aten.bmm.default: _bmm,
    aten.addmm.default: _addmm,
    aten.baddbmm.default: _baddbmm,
    aten.convolution.default: _convolution,
}
