"""A causal WaveNet over audio of any length: dilated Conv1d with weight normalisation and gated activations."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class WaveNet(nn.Module):
    """audio [batch, 1, samples] -> next sample's mean and deviation [batch, 2, samples]."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Conv1d(1, 8, 1)
        self.gates = nn.ModuleList(weight_norm(nn.Conv1d(8, 16, 2, dilation=2**level)) for level in range(4))
        self.mixes = nn.ModuleList(weight_norm(nn.Conv1d(8, 8, 1)) for _ in range(4))
        self.end = nn.Conv1d(8, 2, 1)

    def forward(self, audio: Tensor) -> Tensor:
        x = self.start(audio)
        skip = torch.zeros_like(x)
        for level, (gate, mix) in enumerate(zip(self.gates, self.mixes, strict=True)):
            a, b = gate(F.pad(x, (2**level, 0))).chunk(2, dim=1)
            h = mix(torch.tanh(a) * torch.sigmoid(b))
            x, skip = x + h, skip + h
        mean, deviation = self.end(F.leaky_relu(skip, 0.1)).chunk(2, dim=1)
        return torch.cat([mean, F.softplus(deviation) + 1e-3], dim=1)


def build() -> WaveNet:
    """Trained for 20 steps on sine waves."""
    torch.manual_seed(17)
    model = WaveNet()
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(20):
        x = torch.sin(torch.arange(49) * (0.1 + torch.rand(8, 1, 1))) + 0.05 * torch.randn(8, 1, 49)
        mean, deviation = model(x[..., :-1]).chunk(2, dim=1)
        loss = (((x[..., 1:] - mean) / deviation) ** 2 / 2 + torch.log(deviation)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Four pieces of 40 samples."""
    return {"audio": rng.uniform(-1, 1, (4, 1, 40)).astype(np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter, batch and samples free."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 33),),
        path,
        input_names=["audio"],
        output_names=["prediction"],
        dynamic_shapes={"audio": {0: torch.export.Dim("batch"), 2: torch.export.Dim("samples", min=2, max=100000)}},
        external_data=False,
        verbose=False,
    )
