"""Encoder, classifier and decoder as one module with one method for each."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaeport.contract import Shapes

from .config import NetworkConfig

_ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


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
    """Feed-forward encoder Q(z | x[, y]), classifier of x, and decoder f(z, y)."""

    def __init__(self, config: NetworkConfig, shapes: Shapes) -> None:
        super().__init__()
        self.shapes = shapes
        self.latent_dim = config.latent_dim
        self.encoder_sees_class = config.encoder_sees_class
        self.variance_floor = config.variance_floor
        channels, height, width = shapes.image
        pixels, z, k = channels * height * width, config.latent_dim, shapes.classes
        activation = _ACTIVATIONS[config.activation]
        seen = pixels + (k if config.encoder_sees_class else 0)
        self.encoder = _feed_forward((seen, *config.encoder_hidden, 2 * z), activation)
        self.classifier = _feed_forward((pixels, *config.classifier_hidden, k), activation)
        self.decoder = _feed_forward((z + k, *config.decoder_hidden, pixels), activation)

    def classify(self, image: Tensor) -> Tensor:
        """Class logits, float [N, K], of images, float [N, C, H, W] in [0, 1]."""
        logits: Tensor = self.classifier(image.flatten(1))
        return logits

    def encode(self, image: Tensor, class_probs: Tensor) -> Posterior:
        """Posterior of images; `class_probs`, float [N, K], matters only to an encoder that sees the class."""
        seen = image.flatten(1)
        if self.encoder_sees_class:
            seen = torch.cat([seen, class_probs], dim=1)
        z_mean, logvar = self.encoder(seen).chunk(2, dim=1)
        if self.variance_floor:
            logvar = torch.log(self.variance_floor + torch.exp(logvar))
        return Posterior(z_mean, logvar)

    def decode(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """Logits of the pixel means, float [N, C, H, W], from latents [N, Z] and class probabilities [N, K]."""
        logits: Tensor = self.decoder(torch.cat([z, class_probs], dim=1))
        return logits.reshape(-1, *self.shapes.image)


def initialise(network: nn.Module, scheme: str) -> None:
    """Set initial weights: `torch` keeps PyTorch's default, `glorot` is Glorot and Bengio's (2010) with zero biases."""
    if scheme != "glorot":
        return
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)


def _feed_forward(widths: tuple[int, ...], activation: type[nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])
