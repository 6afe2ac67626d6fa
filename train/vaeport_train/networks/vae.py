"""Encoder, classifier and decoder held together; which kind each is, the configuration says."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaeport.contract import Shapes

from ..configuration.config import ConvConfig, NetworkConfig
from .conv import ConvDecoder, ConvEncoder
from .mlp import MlpClassifier, MlpDecoder, MlpEncoder
from .towers import ConvClassifier


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
    """Encoder Q(z | x[, y]), classifier of x, and decoder f(z, y); they share no weights."""

    encoder: ConvEncoder | MlpEncoder
    """Image, class probabilities -> mean, log-variance."""
    classifier: ConvClassifier | MlpClassifier
    """Image -> class logits."""
    decoder: ConvDecoder | MlpDecoder
    """Latents, class probabilities -> logits of the pixel means."""

    def __init__(self, config: NetworkConfig, shapes: Shapes) -> None:
        super().__init__()
        self.shapes = shapes
        self.latent_dim = config.latent_dim
        if isinstance(config, ConvConfig):
            self.encoder = ConvEncoder(config, shapes)
            self.classifier = ConvClassifier(config, shapes)
            self.decoder = ConvDecoder(config, shapes)
        else:
            self.encoder = MlpEncoder(config, shapes)
            self.classifier = MlpClassifier(config, shapes)
            self.decoder = MlpDecoder(config, shapes)

    def classify(self, image: Tensor) -> Tensor:
        """Class logits, float [N, K], of images, float [N, C, H, W] in [0, 1]."""
        logits: Tensor = self.classifier(image)
        return logits

    def answers(self, image: Tensor) -> Tensor:
        """Class logits, float [A, N, K]: of each of the A classifiers that learn, else the one answer of them all."""
        if self.training and isinstance(self.classifier, ConvClassifier):
            return self.classifier.each(image)
        return self.classify(image).unsqueeze(0)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights that lie between hidden layers, matrices and kernels."""
        parts = (self.encoder, self.classifier, self.decoder)
        return [weight for part in parts for weight in part.hidden_matrices()]

    def encode(self, image: Tensor, class_probs: Tensor) -> Posterior:
        """Posterior of images; `class_probs`, float [N, K], matters only to an encoder that sees the class."""
        return Posterior(*self.encoder(image, class_probs))

    def decode(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """Logits of the pixel means, float [N, C, H, W], from latents [N, Z] and class probabilities [N, K]."""
        logits: Tensor = self.decoder(z, class_probs)
        return logits


def initialise(network: nn.Module, scheme: str) -> None:
    """Set initial weights: `torch` keeps PyTorch's default, `glorot` is Glorot and Bengio's (2010) with zero biases."""
    if scheme != "glorot":
        return
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
