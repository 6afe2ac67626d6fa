"""A physicist's network in float64: a potential of three coordinates, and a normalising constant."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Potential(nn.Module):
    """coordinates float64 [points, 3] -> (energy [points], scaled coordinates [points, 3])."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor([1.25, 0.5, 2.0], dtype=torch.float64))
        self.layers = nn.Sequential(nn.Linear(3, 24), nn.Tanh(), nn.Linear(24, 24), nn.Sigmoid(), nn.Linear(24, 1))

    def forward(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        scaled = coordinates * self.scale
        return self.layers(scaled)[:, 0] + 0.5 * (scaled * scaled).sum(1), scaled


def build() -> Potential:
    """Fitted to a quartic well in 30 steps."""
    torch.manual_seed(8)
    model = Potential().double()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(30):
        x = torch.randn(64, 3, dtype=torch.float64)
        loss = ((model(x)[0] - (x**4).sum(1) / 4) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Twelve points."""
    return {"coordinates": rng.standard_normal((12, 3))}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter; the axis of the points is free."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, dtype=torch.float64),),
        path,
        input_names=["coordinates"],
        output_names=["energy", "scaled"],
        dynamic_shapes={"coordinates": {0: torch.export.Dim("points")}},
        external_data=False,
        verbose=False,
    )
