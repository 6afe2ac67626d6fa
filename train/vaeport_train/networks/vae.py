"""Encoder, classifier and decoder held together; which kind each is, the configuration says."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaeport.contract import Shapes

from .parts import ability, hidden_matrices
from .registry import NetworkConfig, kind_of


class Posterior(NamedTuple):
    """Q(z | x), a diagonal Gaussian."""

    z_mean: Tensor
    """float [N, Z]."""
    z_logvar: Tensor
    """float [N, Z], natural logarithm of the variance."""

    def sample(self, noise: Tensor) -> Tensor:
        """Latents, float [N, Z]: mean + deviation x noise (Kingma and Welling, 2014)."""
        return self.z_mean + torch.exp(0.5 * self.z_logvar) * noise


class ConditionalVAE(nn.Module):
    """Encoder Q(z | x[, y]), classifier of x, and decoder f(z, y).

    Args:
        config: dimensions of the networks; its `kind` says who builds them.
        shapes: sizes of the data's tensors.
        folder: the run folder that the networks belong to, where their kind may keep files.

    Raises:
        InputError: the networks cannot be built for these shapes, or their code is missing.
    """

    encoder: nn.Module
    """Image, class probabilities -> mean, log-variance."""
    classifier: nn.Module
    """Image -> class logits."""
    decoder: nn.Module
    """Latents, class probabilities -> logits of the pixel means."""

    def __init__(self, config: NetworkConfig, shapes: Shapes, *, folder: Path | None = None) -> None:
        super().__init__()
        self.shapes = shapes
        self.latent_dim = config.latent_dim
        parts = kind_of(config.kind).load().build(config, shapes, folder)
        self.encoder, self.classifier, self.decoder = parts.encoder, parts.classifier, parts.decoder
        self.foreign = parts.foreign

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def classify(self, image: Tensor) -> Tensor:
        """Class logits, float [N, K], of images, float [N, C, H, W] in [0, 1]."""
        logits: Tensor = self.classifier(image)
        return logits

    def answers(self, image: Tensor) -> Tensor:
        """Class logits, float [A, N, K]: of each of the A classifiers that learn, else the one answer of them all."""
        each = ability(self.classifier, "each") if self.training else None
        answers: Tensor = each(image) if each else self.classify(image).unsqueeze(0)
        return answers

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights that lie between hidden layers, matrices and kernels."""
        return [weight for part in (self.encoder, self.classifier, self.decoder) for weight in hidden_matrices(part)]

    def encode(self, image: Tensor, class_probs: Tensor) -> Posterior:
        """Posterior of images; `class_probs`, float [N, K], matters only to an encoder that sees the class."""
        return Posterior(*self.encoder(image, class_probs))

    def decode(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """Logits of the pixel means, float [N, C, H, W], from latents [N, Z] and class probabilities [N, K]."""
        logits: Tensor = self.decoder(z, class_probs)
        return logits


def use_fast_layout(network: ConditionalVAE) -> None:
    """Lay kernels out in memory as convolutions read them fastest; matrices and foreign networks are not touched."""
    if not network.foreign:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub forgets this form


def initialise(network: nn.Module, scheme: str) -> None:
    """Set initial weights: `torch` keeps what is there, `glorot` is Glorot and Bengio's (2010) with zero biases."""
    if scheme != "glorot":
        return
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
