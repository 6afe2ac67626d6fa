"""The convolutional encoder and decoder: residual blocks that the class or the latent steers."""

import math
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from vaeport.contract import Shapes
from vaeport.errors import InputError

from ..configuration.fields import STRICT, Blocks, Count, Width
from .parts import full_precision
from .registry import Parts
from .towers import ConvClassifier

_LOGVAR_RANGE = (-10.0, 4.0)
_LOGIT_BOUND = 15.0

MAX_TOWER_LAYERS = 16
"""Convolutions of a tower; each narrows the image, since none is padded."""


@dataclass(config=STRICT)
class Config:
    """Dimensions of convolutional networks; the encoder always sees the class."""

    kind: Literal["conv"]
    """Tells the kinds of networks apart."""
    latent_dim: Width
    """Z, the dimensions of the latent."""
    encoder_channels: tuple[Width, Width]
    """Channels at half and at a quarter of the image's size."""
    encoder_blocks: tuple[Blocks, Blocks]
    """Residual blocks at each of these sizes."""
    decoder_hidden: Width
    """Width of the vector that steers the decoder's blocks."""
    decoder_channels: tuple[Width, Width, Width]
    """Channels at a quarter, at half, and at the image's size."""
    decoder_blocks: tuple[Blocks, Blocks]
    """Residual blocks at a quarter and at half of the size."""
    towers: Annotated[int, Field(gt=0, le=64)]
    """Small classifiers whose answers are averaged."""
    tower_layers: Annotated[tuple[tuple[Width, Count, Count], ...], Field(min_length=1, max_length=MAX_TOWER_LAYERS)]
    """A tower's convolutions from the image on, without padding: channels, size of the kernel, stride."""


def build(config: Config, shapes: Shapes, folder: Path | None = None) -> Parts:  # noqa: ARG001 - the kind keeps no files
    """Networks with initial weights."""
    return Parts(
        encoder=ConvEncoder(config, shapes),
        classifier=ConvClassifier(config.tower_layers, config.towers, shapes),
        decoder=ConvDecoder(config, shapes),
    )


class ConvEncoder(nn.Module):
    """Image [N, C, H, W] and class probabilities [N, K] -> mean and log-variance, each [N, Z]."""

    def __init__(self, config: Config, shapes: Shapes) -> None:
        super().__init__()
        channels, height, width = _divisible_by_four(shapes)
        first, second = config.encoder_channels
        self.latent_dim = config.latent_dim
        self.stem = nn.Conv2d(channels, first, 4, 2, 1)
        self.fine = _blocks(first, shapes.classes, config.encoder_blocks[0])
        self.down = nn.Conv2d(first, second, 3, 2, 1)
        self.coarse = _blocks(second, shapes.classes, config.encoder_blocks[1])
        self.head = nn.Linear(second * height * width // 16, 2 * config.latent_dim)
        self.class_head = nn.Linear(shapes.classes, 2 * config.latent_dim, bias=False)
        nn.init.normal_(self.head.weight, 0, 0.5 / math.sqrt(self.head.in_features))
        nn.init.zeros_(self.head.bias)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers."""
        return matrices(self.fine, self.down, self.coarse)

    def shift_means(self, offsets: Tensor) -> None:
        """Add offsets [K, Z] to the mean, by class."""
        self.class_head.weight[: self.latent_dim] += offsets.T

    def forward(self, image: Tensor, class_probs: Tensor) -> tuple[Tensor, Tensor]:
        """The class shifts every block and the mean; the log-variance stays where exp is safe."""
        hidden = self.stem(image * 2 - 0.5)
        for block in self.fine:
            hidden = block(hidden, class_probs)
        hidden = self.down(functional.silu(hidden))
        for block in self.coarse:
            hidden = block(hidden, class_probs)
        out = self.head(functional.silu(hidden).flatten(1)) + self.class_head(class_probs)
        z_mean, logvar = full_precision(out).chunk(2, dim=1)
        return z_mean, logvar.clamp(*_LOGVAR_RANGE)


class ConvDecoder(nn.Module):
    """Latents [N, Z] and class probabilities [N, K] -> logits of the pixel means [N, C, H, W]."""

    def __init__(self, config: Config, shapes: Shapes) -> None:
        super().__init__()
        channels, height, width = _divisible_by_four(shapes)
        coarse, middle, fine = config.decoder_channels
        hidden = config.decoder_hidden
        self.place = (coarse, height // 4, width // 4)
        self.inner = nn.Linear(config.latent_dim + shapes.classes, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.spread = nn.Linear(hidden, math.prod(self.place))
        self.coarse = _blocks(coarse, hidden, config.decoder_blocks[0])
        self.up = nn.Conv2d(coarse, middle * 4, 3, padding=1)
        self.middle = _blocks(middle, hidden, config.decoder_blocks[1])
        self.up_again = nn.Conv2d(middle, fine * 4, 3, padding=1)
        self.head = nn.Conv2d(fine, channels, 3, padding=1)
        nn.init.constant_(self.head.get_parameter("bias"), -2.0)  # images begin dark, as most pixels are

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers."""
        return matrices(self.mix, self.spread, self.coarse, self.up, self.middle, self.up_again)

    def shift_latents(self, offsets: Tensor) -> None:
        """Add offsets [K, Z] to the latent that comes in, by class."""
        latent_dim = offsets.shape[1]
        self.inner.weight[:, latent_dim:] += self.inner.weight[:, :latent_dim] @ offsets.T

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """Latent and class steer every block; pixel shuffle doubles the size twice (Shi and others, 2016)."""
        steer = functional.silu(self.inner(torch.cat([z, class_probs], dim=1)))
        steer = functional.silu(steer + self.mix(steer))
        hidden = self.spread(steer).reshape(-1, *self.place)
        if self.training:
            hidden = hidden.contiguous(memory_format=torch.channels_last)
        for block in self.coarse:
            hidden = block(hidden, steer)
        hidden = functional.pixel_shuffle(self.up(functional.silu(hidden)), 2)
        for block in self.middle:
            hidden = block(hidden, steer)
        hidden = functional.pixel_shuffle(self.up_again(functional.silu(hidden)), 2)
        logits: Tensor = self.head(functional.silu(hidden))
        return full_precision(logits).clamp(-_LOGIT_BOUND, _LOGIT_BOUND)


class Block(nn.Module):
    """A residual block whose inner activation is shifted by a condition (Perez and others, FiLM, 2018)."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, channels, 3, padding=1)
        self.leave = nn.Conv2d(channels, channels, 3, padding=1)
        self.shift = nn.Linear(condition, channels)
        nn.init.normal_(self.leave.weight, 0, 0.1 / math.sqrt(9 * channels))
        nn.init.zeros_(self.leave.get_parameter("bias"))

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        """Hidden [N, C, H, W] and condition [N, D] -> hidden of the same shape."""
        inner = self.enter(functional.silu(hidden)) + self.shift(condition)[:, :, None, None]
        change: Tensor = self.leave(functional.silu(inner))
        return hidden + change


def matrices(*modules: nn.Module) -> list[nn.Parameter]:
    """Weights of two dimensions or more."""
    return [weight for module in modules for weight in module.parameters() if weight.ndim > 1]


def _blocks(channels: int, condition: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(Block(channels, condition) for _ in range(count))


def _divisible_by_four(shapes: Shapes) -> tuple[int, int, int]:
    channels, height, width = shapes.image
    if height % 4 or width % 4:
        raise InputError(f"network kind 'conv' halves images twice, so {height} x {width} must be multiples of 4")
    return channels, height, width
