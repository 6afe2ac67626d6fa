"""Grouped, dilated and depthwise convolutions with squeeze-and-excitation, as phones run them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Squeeze(nn.Module):
    """Squeeze-and-excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.up(torch.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * nn.functional.hardsigmoid(weight)


class Shuffle(nn.Module):
    """Channel shuffle over three groups, as ShuffleNet writes it."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        return x.view(batch, 3, channels // 3, height, width).transpose(1, 2).reshape(batch, channels, height, width)


class Mobile(nn.Module):
    """picture [batch, 3, 15, 17] -> probabilities of six classes [batch, 6]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(12),
            nn.Hardswish(),
            nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU6(),
            nn.Conv2d(12, 24, 1, groups=3),
            Shuffle(),
            nn.Conv2d(24, 24, 3, padding=2, dilation=2, groups=4),
            Squeeze(24),
            nn.PReLU(24),
            nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
        )
        self.out = nn.Linear(24, 6)

    def forward(self, picture: Tensor) -> Tensor:
        return torch.softmax(self.out(nn.functional.adaptive_avg_pool2d(self.features(picture), 1).flatten(1)), dim=1)


def build() -> Mobile:
    """Trained for 20 steps to find the brightest of six regions."""
    torch.manual_seed(6)
    model = Mobile()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(20):
        x = torch.randn(24, 3, 15, 17)
        y = nn.functional.adaptive_avg_pool2d(x.mean(1), (2, 3)).flatten(1).argmax(1)
        loss = nn.functional.nll_loss(torch.log(model(x) + 1e-6), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Nine pictures."""
    return {"picture": rng.standard_normal((9, 3, 15, 17), np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """The older exporter, opset 13; it folds BatchNorm into the convolutions."""
    torch.onnx.export(
        model,
        (torch.zeros(1, 3, 15, 17),),
        str(path),
        input_names=["picture"],
        output_names=["probabilities"],
        dynamic_axes={"picture": {0: "batch"}, "probabilities": {0: "batch"}},
        opset_version=13,
        dynamo=False,
    )
