"""A GRU that scores sequences of sensor readings, batch and length free."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class GRUScorer(nn.Module):
    """readings [batch, length, 5] -> (score of each step [batch, length, 2], last state [batch, 12])."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(5)
        self.gru = nn.GRU(5, 12, num_layers=2, batch_first=True)
        self.out = nn.Linear(12, 2)

    def forward(self, readings: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.gru(self.norm(readings))
        return self.out(states), states[:, -1]


def build() -> GRUScorer:
    """Trained for 30 steps to tell how far the readings have drifted."""
    torch.manual_seed(2)
    model = GRUScorer()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(30):
        x = torch.randn(16, 9, 5)
        drift = x.cumsum(1)[..., :2] / 3
        loss = ((model(x)[0] - drift) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Six sequences of eleven readings."""
    return {"readings": rng.standard_normal((6, 11, 5), np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """The older exporter writes ONNX's own GRU, with both axes free."""
    torch.onnx.export(
        model,
        (torch.zeros(3, 7, 5),),
        str(path),
        input_names=["readings"],
        output_names=["drift", "state"],
        dynamic_axes={"readings": {0: "batch", 1: "length"}, "drift": {0: "batch", 1: "length"}, "state": {0: "batch"}},
        opset_version=14,
        dynamo=False,
    )
