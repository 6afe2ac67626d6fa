"""A bidirectional LSTM that tags windows of a signal; 24 steps a window, as its author's data has them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Tagger(nn.Module):
    """signal [batch, 24, 4] -> log-probabilities of three tags [batch, 24, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 10, batch_first=True, bidirectional=True)
        self.out = nn.Linear(20, 3)

    def forward(self, signal: Tensor) -> Tensor:
        return torch.log_softmax(self.out(self.lstm(signal)[0]), dim=-1)


def build() -> Tagger:
    """Trained for 30 steps to tag the sign of the signal's change."""
    torch.manual_seed(3)
    model = Tagger()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(30):
        x = torch.randn(8, 24, 4)
        change = torch.diff(x[..., 0], dim=1, prepend=x[:, :1, 0])
        tags = (change > 0.5).long() + (change > -0.5).long()
        loss = nn.functional.nll_loss(model(x).transpose(1, 2), tags)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Five windows."""
    return {"signal": rng.standard_normal((5, 24, 4), np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter, with a free batch."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 24, 4),),
        path,
        input_names=["signal"],
        output_names=["tags"],
        dynamic_shapes={"signal": {0: torch.export.Dim("windows")}},
        external_data=False,
        verbose=False,
    )
