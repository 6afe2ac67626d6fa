"""Inputs that share no batch: a table of points, one query, and two numbers without any axis."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Kernel(nn.Module):
    """(points [n, 4], query [4], temperature [], power int64 []) -> (value [], weights [n])."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 8)
        self.value = nn.Linear(4, 1)

    def forward(self, points: Tensor, query: Tensor, temperature: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
        distance = ((self.embed(points) - self.embed(query)) ** 2).sum(1)
        weights = torch.softmax(-distance / temperature, dim=0)
        return (weights * self.value(points)[:, 0] ** power).sum(), weights


def build() -> Kernel:
    """Seeded, with weights as a fit leaves them."""
    torch.manual_seed(13)
    model = Kernel()
    with torch.no_grad():
        model.embed.weight.mul_(1.5)
        model.value.bias.add_(0.7)
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Seven points."""
    return {
        "points": rng.standard_normal((7, 4), np.float32),
        "query": rng.standard_normal(4, np.float32),
        "temperature": np.array(1.5, np.float32),
        "power": np.array(2),
    }


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter; only the number of points is free."""
    torch.onnx.export(
        model,
        (torch.zeros(5, 4), torch.zeros(4), torch.tensor(1.0), torch.tensor(2)),
        path,
        input_names=["points", "query", "temperature", "power"],
        output_names=["value", "weights"],
        dynamic_shapes=({0: torch.export.Dim("n", max=4096)}, {}, {}, {}),
        external_data=False,
        verbose=False,
    )
