"""Networks in half precision: one all in float16, and one that keeps its weights and its answer in bfloat16."""

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Half(nn.Module):
    """features float16 [batch, 20] -> scores float16 [batch, 8]."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(20, 32), nn.Linear(32, 8)

    def forward(self, features: Tensor) -> Tensor:
        return torch.tanh(self.second(torch.relu(self.first(features))))


class Brain(nn.Module):
    """features bfloat16 [batch, 20] -> scores bfloat16 [batch, 8]; computes in float32, as its server does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.2 * torch.randn(8, 20))

    def forward(self, features: Tensor) -> Tensor:
        return torch.tanh(features.float() @ self.weight.float().T).to(torch.bfloat16)


def _fit(model: nn.Module) -> nn.Module:
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(20):
        x = torch.randn(32, 20)
        loss = ((model(x).float() - torch.sin(x[:, :8])) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def build() -> nn.Module:
    """Fitted in float32, then made float16."""
    torch.manual_seed(9)
    return _fit(Half()).half()


def build_brain() -> nn.Module:
    """Fitted in float32, then made bfloat16."""
    torch.manual_seed(10)
    return _fit(Brain()).to(torch.bfloat16)


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float16]]:
    """Eleven rows."""
    return {"features": rng.standard_normal((11, 20)).astype(np.float16)}


def brain_inputs(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Eleven rows."""
    return {"features": rng.standard_normal((11, 20)).astype(ml_dtypes.bfloat16)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter, in the type of the weights."""
    dtype = next(model.parameters()).dtype
    torch.onnx.export(
        model,
        (torch.zeros(2, 20, dtype=dtype),),
        path,
        input_names=["features"],
        output_names=["scores"],
        dynamic_shapes={"features": {0: torch.export.Dim("batch")}},
        external_data=False,
        verbose=False,
    )
