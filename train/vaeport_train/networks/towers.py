"""The convolutional classifier: a mean of small networks, each trained for itself."""

import torch
from torch import Tensor, nn

from vaeport.contract import Shapes
from vaeport.errors import InputError

TowerLayers = tuple[tuple[int, int, int], ...]
"""Channels, size of the kernel and stride of each convolution."""


class ConvClassifier(nn.Module):
    """Image [N, C, H, W] -> class logits [N, K]: the mean of the towers' log-probabilities."""

    def __init__(self, layers: TowerLayers, count: int, shapes: Shapes) -> None:
        super().__init__()
        self.towers = nn.ModuleList(Tower(layers, shapes) for _ in range(count))
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Kernels behind the first layer's."""
        kernels = [[weight for weight in tower.parameters() if weight.ndim == 4] for tower in self.towers]
        return [kernel for each in kernels for kernel in each[1:]]

    def forward(self, image: Tensor) -> Tensor:
        """Mean log-probabilities of all towers, times the scale that makes their confidence fit.

        Added one by one: a mean over stacked towers holds the batch on another axis than the first, which converters
        for small devices get wrong.
        """
        first, *others = [tower(image).log_softmax(dim=1) for tower in self.towers]
        logits: Tensor = sum(others, first) / len(self.towers) * self.scale
        return logits

    def each(self, image: Tensor) -> Tensor:
        """Logits of each tower alone, float [A, N, K]: each learns for itself, so that they differ in their errors."""
        return torch.stack([tower(image) for tower in self.towers])

    def rescale_logits(self, factor: float) -> None:
        """Multiply the logits by a factor from now on."""
        self.scale.fill_(factor)


class Tower(nn.Module):
    """One small classifier: image [N, C, H, W] -> logits [N, K].

    Convolutions without padding narrow the image, and what is left is read by one linear layer, place by place, as in
    An and others, "An Ensemble of Simple Convolutional Neural Network Models for MNIST Digit Recognition" (2020).
    """

    def __init__(self, layers: TowerLayers, shapes: Shapes) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        inputs, height, width = shapes.image
        for channels, kernel, stride in layers:
            height, width = ((size - kernel) // stride + 1 for size in (height, width))
            if min(height, width) < 1:
                raise InputError(
                    f"images of {shapes.image[1]} x {shapes.image[2]} are too small for network.tower_layers; "
                    "take fewer layers or smaller kernels"
                )
            parts += [
                nn.Conv2d(inputs, channels, kernel, stride, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            inputs = channels
        self.features = nn.Sequential(*parts)
        self.head = nn.Linear(inputs * height * width, shapes.classes, bias=False)
        self.norm = nn.BatchNorm1d(shapes.classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits; pixels are brought near mean 0 and deviation 1 as MNIST's are."""
        logits: Tensor = self.norm(self.head(self.features((image - 0.13) * 3.2).flatten(1)))
        return logits
