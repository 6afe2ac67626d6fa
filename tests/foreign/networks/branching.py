"""A network that takes one of two branches, by torch.cond: loud signals are compressed, quiet ones amplified."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Branching(nn.Module):
    """signal [32] -> [6]; no batch: one signal a call."""

    def __init__(self) -> None:
        super().__init__()
        self.loud, self.quiet = nn.Linear(32, 16), nn.Linear(32, 16)
        self.out = nn.Linear(16, 6)

    def forward(self, signal: Tensor) -> Tensor:
        hidden = torch.cond(
            signal.abs().mean() > 1.0,
            lambda x: torch.tanh(self.loud(x)),
            lambda x: torch.relu(self.quiet(x * 3)),
            (signal,),
        )
        return self.out(hidden)


def build() -> Branching:
    """Seeded; the output layer is scaled as training leaves it."""
    torch.manual_seed(12)
    model = Branching()
    with torch.no_grad():
        model.out.weight.mul_(2.5)
        model.out.bias.add_(0.3)
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """A loud signal."""
    return {"signal": 2 * rng.standard_normal(32, np.float32)}


def quiet_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """A quiet signal, for the other branch."""
    return {"signal": rng.standard_normal(32, np.float32) / 4}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter writes an If."""
    torch.onnx.export(
        model,
        (torch.ones(32),),
        path,
        input_names=["signal"],
        output_names=["answer"],
        external_data=False,
        verbose=False,
    )
