"""PyTorch's own nn.TransformerEncoder over patches of a spectrogram, mean-pooled into a regression."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class PatchTransformer(nn.Module):
    """patches [batch, 10, 8] -> (pooled features [batch, 16], value [batch])."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(8, 16)
        self.position = nn.Parameter(0.02 * torch.randn(1, 10, 16))
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.out = nn.Linear(16, 1)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.encoder(self.project(patches) + self.position).mean(dim=1)
        return pooled, self.out(pooled).squeeze(-1)


def build() -> PatchTransformer:
    """Trained for 25 steps on the largest entry of the patches."""
    torch.manual_seed(5)
    model = PatchTransformer()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(25):
        x = torch.randn(32, 10, 8)
        loss = nn.functional.mse_loss(model(x)[1], x.amax((1, 2)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Seven spectrograms."""
    return {"patches": rng.standard_normal((7, 10, 8), np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter, batch free, opset 18."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 10, 8),),
        path,
        input_names=["patches"],
        output_names=["pooled", "value"],
        dynamic_shapes={"patches": {0: torch.export.Dim("batch")}},
        external_data=False,
        verbose=False,
    )
