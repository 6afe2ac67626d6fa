"""Muon: momentum, made orthogonal."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_TINY = 1e-7


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose singular values are brought near 1 by Newton-Schulz iterations (Jordan and others, 2024).

    As `torch.optim.Muon`, but for the kernels of convolutions too, taken as matrices [out, in x height x width]; and
    iterating on the small Gram matrix, so that five iterations cost two products of the matrix's own size.

    Args:
        parameters: weights of two dimensions or more.
        lr: learning rate; about ten times Adam's.
        momentum: decay of the running gradient.
        weight_decay: of the weights, times the learning rate a step; a group may have its own.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move every weight that has a gradient; there is no closure to call."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                running = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                running.lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(running, group["momentum"])
                direction = orthogonalised(update.reshape(len(update), -1))
                scale = max(1.0, direction.shape[0] / direction.shape[1]) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(direction.reshape(weight.shape), alpha=-group["lr"] * scale)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Matrix [m, n] with the same singular vectors and singular values of about 1 (0.7 to 1.2)."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + _TINY)
    a, b, c = _COEFFICIENTS
    identity = torch.eye(len(wide), dtype=wide.dtype, device=wide.device)
    gram = wide @ wide.T
    factor = identity
    for iteration in range(_ITERATIONS):
        polynomial = a * identity + b * gram + c * (gram @ gram)
        factor = polynomial @ factor if iteration else polynomial
        if iteration < _ITERATIONS - 1:
            gram = polynomial @ gram @ polynomial
    result: Tensor = factor @ wide
    return result if matrix.shape[0] <= matrix.shape[1] else result.T
