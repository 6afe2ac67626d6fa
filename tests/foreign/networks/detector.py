"""Several outputs of several types: boxes as float32, the best class as int64, and whether it is sure as bool."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Detector(nn.Module):
    """picture [batch, 1, 12, 12] -> boxes [batch, 9, 4], scores [batch, 9, 5], best int64 and sure bool [batch, 9]."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 4, stride=4), nn.ELU(), nn.Conv2d(16, 16, 3, padding=1), nn.ELU())
        self.box, self.score = nn.Conv2d(16, 4, 1), nn.Conv2d(16, 5, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        h = self.body(picture)
        boxes = torch.sigmoid(self.box(h)).flatten(2).transpose(1, 2)
        scores = torch.softmax(self.score(h), dim=1).flatten(2).transpose(1, 2)
        top, best = scores.max(dim=-1)
        return boxes, scores, best, top > 0.27


def build() -> Detector:
    """Trained for 20 steps to weigh the brightness of each cell."""
    torch.manual_seed(7)
    model = Detector()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(20):
        x = torch.rand(16, 1, 12, 12)
        bright = nn.functional.avg_pool2d(x, 4).flatten(1)
        boxes, scores, _, _ = model(x)
        wanted = ((bright - 0.4) * 25).clamp(0, 4).long()
        loss = ((boxes.mean(-1) - bright) ** 2).mean() + nn.functional.nll_loss(
            torch.log(scores).transpose(1, 2), wanted
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Eight pictures in [0, 1)."""
    return {"picture": rng.random((8, 1, 12, 12), np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 12, 12),),
        path,
        input_names=["picture"],
        output_names=["boxes", "scores", "best", "sure"],
        dynamic_shapes={"picture": {0: torch.export.Dim("batch")}},
        external_data=False,
        verbose=False,
    )
