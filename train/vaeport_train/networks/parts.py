"""What an encoder, a classifier or a decoder may offer beyond its answers.

| method | part | effect |
|---|---|---|
| `hidden_matrices() -> list[Parameter]` | any | weights that Muon moves, where `training.optimiser` is `muon` |
| `each(image) -> [A, N, K]` | classifier | logits of A classifiers whose mean is the answer: each learns for itself |
| `rescale_logits(factor)` | classifier | at the end of a run the logits are scaled for the least cross-entropy |
| `shift_means(offsets)`, `shift_latents(offsets)` | encoder, decoder | at the end the class means of z are moved to 0 |

`offsets` are float [K, Z], one row a class. A method that is missing leaves its feature out; for `hidden_matrices` of
networks of your own see `vaeport_train.networks.own`.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


def ability(part: nn.Module, name: str) -> Callable[..., Any] | None:
    """An optional method of a part, or of the module that it wraps; None where neither has it."""
    for owner in (part, getattr(part, "module", None)):
        if callable(method := getattr(owner, name, None)):
            return method  # type: ignore[no-any-return]
    return None


def hidden_matrices(part: nn.Module) -> list[nn.Parameter]:
    """Weights of a part that lie between its hidden layers; none where it does not say."""
    method = ability(part, "hidden_matrices")
    return list(method()) if method else []


def least_rows(*parts: nn.Module) -> int:
    """How many rows a batch must have in training: batch normalisation over one row has no variance."""
    normalised = any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for part in parts for module in part.modules())
    return 2 if normalised else 1


def full_precision(tensor: Tensor) -> Tensor:
    """Out of bfloat16 or float16, which autocast leaves behind; float32 and float64 stay what they are."""
    return tensor.float() if tensor.dtype.itemsize == 2 else tensor
