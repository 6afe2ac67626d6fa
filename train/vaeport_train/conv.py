"""The convolutional networks: residual blocks that the class or the latent steers, and a mean of small classifiers."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vaeport.contract import Shapes
from vaeport.errors import InputError

from .config import ConvConfig

_LOGVAR_RANGE = (-10.0, 4.0)
_LOGIT_BOUND = 15.0
_SHIFTS = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
"""Corners of the crops out of an image padded by one pixel: the image itself and its four neighbours."""


class ConvEncoder(nn.Module):
    """Image [N, C, H, W] and class probabilities [N, K] -> mean and log-variance, each [N, Z]."""

    def __init__(self, config: ConvConfig, shapes: Shapes) -> None:
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

    def forward(self, image: Tensor, class_probs: Tensor) -> tuple[Tensor, Tensor]:
        """The class shifts every block and the mean; the log-variance stays where exp is safe."""
        hidden = self.stem(image * 2 - 0.5)
        for block in self.fine:
            hidden = block(hidden, class_probs)
        hidden = self.down(functional.silu(hidden))
        for block in self.coarse:
            hidden = block(hidden, class_probs)
        out = self.head(functional.silu(hidden).flatten(1)) + self.class_head(class_probs)
        z_mean, logvar = _full(out).chunk(2, dim=1)
        return z_mean, logvar.clamp(*_LOGVAR_RANGE)


class ConvDecoder(nn.Module):
    """Latents [N, Z] and class probabilities [N, K] -> logits of the pixel means [N, C, H, W]."""

    def __init__(self, config: ConvConfig, shapes: Shapes) -> None:
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
        return _full(logits).clamp(-_LOGIT_BOUND, _LOGIT_BOUND)


class ConvClassifier(nn.Module):
    """Image [N, C, H, W] -> class logits [N, K]: the mean over small towers and one-pixel shifts of the image."""

    def __init__(self, config: ConvConfig, shapes: Shapes) -> None:
        super().__init__()
        self.towers = nn.ModuleList(
            Tower(config.tower_channels, shapes, config.tower_dropout) for _ in range(config.towers)
        )
        self.shifts = _SHIFTS if config.shifts else _SHIFTS[:1]

    def forward(self, image: Tensor, *, shifted: bool = True) -> Tensor:
        """Mean log-probabilities of all towers; over the shifts too, but not in training or where they are declined."""
        views = self._views(image) if shifted and not self.training else [image]
        answers = [tower(view).log_softmax(dim=1) for tower in self.towers for view in views]
        return torch.stack(answers).mean(dim=0)

    def _views(self, image: Tensor) -> list[Tensor]:
        height, width = image.shape[2:]
        padded = functional.pad(image, (1, 1, 1, 1))
        return [padded[:, :, top : top + height, left : left + width] for top, left in self.shifts]


class Tower(nn.Module):
    """One small classifier: image [N, C, H, W] -> logits [N, K]."""

    def __init__(self, channels: tuple[int, int, int, int], shapes: Shapes, dropout: float) -> None:
        super().__init__()
        a, b, c, d = channels
        self.features = nn.Sequential(
            *_normed(shapes.image[0], a),
            *_normed(a, b, stride=2),
            *_normed(b, b),
            *_normed(b, c, stride=2),
            *_normed(c, c),
            *_normed(c, d, padding=0),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(d, shapes.classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits; pixels are brought near mean 0 and deviation 1 as MNIST's are."""
        logits: Tensor = self.head(self.dropout(self.features((image - 0.13) * 3.2).mean((2, 3))))
        return logits


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


def _full(tensor: Tensor) -> Tensor:
    """Out of bfloat16, which autocast leaves behind; float64 stays what it is."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _blocks(channels: int, condition: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(Block(channels, condition) for _ in range(count))


def _normed(inputs: int, outputs: int, *, stride: int = 1, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def _divisible_by_four(shapes: Shapes) -> tuple[int, int, int]:
    channels, height, width = shapes.image
    if height % 4 or width % 4:
        raise InputError(f"network kind 'conv' halves images twice, so {height} x {width} must be multiples of 4")
    return channels, height, width
