"""The convolutional classifier: a mean of small networks over small shifts of the image."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vaeport.contract import Shapes

from .config import ConvConfig

_SHIFTS = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
"""Corners of the crops out of an image padded by one pixel: the image itself and its four neighbours."""


class ConvClassifier(nn.Module):
    """Image [N, C, H, W] -> class logits [N, K]: the mean over small towers and one-pixel shifts of the image."""

    def __init__(self, config: ConvConfig, shapes: Shapes) -> None:
        super().__init__()
        self.towers = nn.ModuleList(
            Tower(config.tower_channels, shapes, config.tower_dropout) for _ in range(config.towers)
        )
        self.shifts = _SHIFTS if config.shifts else _SHIFTS[:1]
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))

    def forward(self, image: Tensor, *, shifted: bool = True) -> Tensor:
        """Mean log-probabilities of all towers, and over the shifts where they are not declined, times the scale."""
        views = self._views(image) if shifted else [image]
        answers = [tower(view).log_softmax(dim=1) for tower in self.towers for view in views]
        return torch.stack(answers).mean(dim=0) * self.scale

    def each(self, image: Tensor) -> Tensor:
        """Logits of each tower alone, float [A, N, K]: each learns for itself, so that they differ in their errors."""
        return torch.stack([tower(image) for tower in self.towers])

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


def _normed(inputs: int, outputs: int, *, stride: int = 1, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
