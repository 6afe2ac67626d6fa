"""The feed-forward networks: an image is a row of pixels."""

import itertools
import math
from pathlib import Path
from typing import Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vaeport.contract import Shapes

from ..configuration.fields import STRICT, NotNegative, Width, Widths
from .registry import Parts

_ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


@dataclass(config=STRICT)
class Config:
    """Dimensions of feed-forward networks; with the shapes of the data, all that rebuilds them."""

    kind: Literal["mlp"]
    """Tells the kinds of networks apart."""
    latent_dim: Width
    """Z, the dimensions of the latent."""
    encoder_hidden: Widths
    """Widths of the encoder's hidden layers, from the image on."""
    classifier_hidden: Widths
    """Widths of the classifier's hidden layers."""
    decoder_hidden: Widths
    """Widths of the decoder's hidden layers, from the latent on."""
    activation: Literal["sigmoid", "relu", "gelu", "silu"]
    """Non-linearity after each hidden layer."""
    encoder_sees_class: bool
    """Whether the encoder is given the class: the true one in training, the classifier's answer in the graph."""
    variance_floor: NotNegative
    """Added to the posterior variance exp(linear)."""


def build(config: Config, shapes: Shapes, folder: Path | None = None) -> Parts:  # noqa: ARG001 - the kind keeps no files
    """Networks with initial weights."""
    return Parts(MlpEncoder(config, shapes), MlpClassifier(config, shapes), MlpDecoder(config, shapes))


class MlpEncoder(nn.Module):
    """Image [N, C, H, W] and class probabilities [N, K] -> mean and log-variance, each [N, Z]."""

    def __init__(self, config: Config, shapes: Shapes) -> None:
        super().__init__()
        self.sees_class = config.encoder_sees_class
        self.variance_floor = config.variance_floor
        seen = math.prod(shapes.image) + (shapes.classes if self.sees_class else 0)
        self.layers = _feed_forward((seen, *config.encoder_hidden, 2 * config.latent_dim), config.activation)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers."""
        return _hidden_matrices(self.layers)

    def forward(self, image: Tensor, class_probs: Tensor) -> tuple[Tensor, Tensor]:
        """The floor keeps the variance above 0: log(floor + exp(linear))."""
        seen = image.flatten(1)
        if self.sees_class:
            seen = torch.cat([seen, class_probs], dim=1)
        z_mean, logvar = self.layers(seen).chunk(2, dim=1)
        if self.variance_floor:
            # The same sum, to the bit, as a difference: OpenCV reads log(exp(x) + c) as softplus, whatever c is.
            logvar = torch.log(torch.exp(logvar) - (-self.variance_floor))
        return z_mean, logvar


class MlpClassifier(nn.Module):
    """Image [N, C, H, W] -> class logits [N, K]."""

    def __init__(self, config: Config, shapes: Shapes) -> None:
        super().__init__()
        widths = (math.prod(shapes.image), *config.classifier_hidden, shapes.classes)
        self.layers = _feed_forward(widths, config.activation)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers."""
        return _hidden_matrices(self.layers)

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.layers(image.flatten(1))
        return logits


class MlpDecoder(nn.Module):
    """Latents [N, Z] and class probabilities [N, K] -> logits of the pixel means [N, C, H, W]."""

    def __init__(self, config: Config, shapes: Shapes) -> None:
        super().__init__()
        self.image = shapes.image
        widths = (config.latent_dim + shapes.classes, *config.decoder_hidden, math.prod(shapes.image))
        self.layers = _feed_forward(widths, config.activation)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers."""
        return _hidden_matrices(self.layers)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.layers(torch.cat([z, class_probs], dim=1))
        return logits.reshape(-1, *self.image)


def _feed_forward(widths: tuple[int, ...], activation: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), _ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def _hidden_matrices(layers: nn.Sequential) -> list[nn.Parameter]:
    return [layer.get_parameter("weight") for layer in layers if isinstance(layer, nn.Linear)][1:-1]
