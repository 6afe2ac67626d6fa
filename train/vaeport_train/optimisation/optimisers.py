"""Which optimiser moves which weight, and its moments as tensors with names."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from vaeport.errors import InputError

from ..configuration.config import TrainingConfig
from ..devices import FUSED
from ..networks.vae import ConditionalVAE
from .muon import Muon

_PREFIX = "optimiser."
_NO_STATE = "none"
"""Stands for the moments of a weight that no gradient has reached, in networks of your own."""


class Optimisers:
    """All optimisers of a run as one.

    Adam alone; or, in kind `muon`, Muon for the hidden matrices and kernels and Adam for biases, first and last layers.
    The classifier may have a learning rate of its own, and its weights may decay.

    Args:
        network: the networks; they name their first and last layers.
        config: kind, learning rates, decay and the bound of the gradient.
    """

    def __init__(self, network: ConditionalVAE, config: TrainingConfig) -> None:
        self.network = network
        self.gradient_clip = config.gradient_clip
        hidden = {id(weight) for weight in (network.hidden_matrices() if config.optimiser == "muon" else [])}
        adam: dict[tuple[float, float], list[Tensor]] = {}
        muon: dict[float, list[Tensor]] = {}
        classifier = {id(weight) for weight in network.classifier.parameters()}
        for weight in network.parameters():
            classifies = id(weight) in classifier
            rate = (config.classifier_learning_rate if classifies else None) or config.learning_rate
            # Scales and biases do not decay: that would change what normalisation means.
            decay = config.weight_decay if classifies and weight.ndim > 1 else 0.0
            if id(weight) in hidden:
                muon.setdefault(decay * rate / config.muon_learning_rate, []).append(weight)
            else:
                adam.setdefault((rate, decay), []).append(weight)
        beta2 = 0.99 if hidden else 0.999
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                [{"params": weights, "lr": rate, "weight_decay": decay} for (rate, decay), weights in adam.items()],
                betas=(0.9, beta2),
                fused=network.device.type in FUSED,
            )
        ]
        if hidden:
            groups = [{"params": weights, "weight_decay": decay} for decay, weights in muon.items()]
            self.parts.append(Muon(groups, lr=config.muon_learning_rate))
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self.parts]

    def step(self, value: Tensor, *, share: float) -> None:
        """Move the weights against the gradient of a loss.

        Args:
            value: the loss, a scalar; its gradient is averaged over the processes, where there are several.
            share: of the highest learning rate, in [0, 1].
        """
        for part, peaks in zip(self.parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * share
            part.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        if self.gradient_clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.gradient_clip)
        for part in self.parts:
            part.step()

    def tensors(self) -> dict[str, Tensor]:
        """Moments by the name of their weight."""
        return {
            f"{_PREFIX}{name}.{key}": moment
            for name, weight in self.network.named_parameters()
            for key, moment in self._of(weight).state.get(weight, {_NO_STATE: torch.zeros(1)}).items()
        }

    def load(self, tensors: dict[str, Tensor], path: Path) -> None:
        """Take moments back; fresh ones would go on differently, so none may lack.

        Raises:
            InputError: one is missing or has another shape.
        """
        for name, weight in self.network.named_parameters():
            if self.network.foreign and f"{_PREFIX}{name}.{_NO_STATE}" in tensors:
                continue
            part = self._of(weight)
            shapes = {key: torch.Size() if key == "step" else weight.shape for key in _keys(part)}
            given = {key: tensors.get(f"{_PREFIX}{name}.{key}", torch.empty(0)) for key in shapes}
            if any(given[key].shape != shape for key, shape in shapes.items()):
                raise InputError(f"{path} is damaged: weight {name} has no fitting optimiser state")
            part.state[weight] = {
                key: _count(moment, weight) if key == "step" else torch.empty_like(weight).copy_(moment)
                for key, moment in given.items()
            }

    def _of(self, weight: Tensor) -> torch.optim.Optimizer:
        return next(part for part in self.parts if any(weight is each for each in _weights(part)))


def _weights(part: torch.optim.Optimizer) -> Iterable[Tensor]:
    return (weight for group in part.param_groups for weight in group["params"])


def _count(step: Tensor, weight: Tensor) -> Tensor:
    """The number of steps where a fused optimiser counts them: beside the weight."""
    return step.clone().to(weight.device if weight.device.type in FUSED else "cpu")


def _keys(part: torch.optim.Optimizer) -> tuple[str, ...]:
    return ("momentum",) if isinstance(part, Muon) else ("step", "exp_avg", "exp_avg_sq")
