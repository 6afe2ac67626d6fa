"""A small U-Net over pictures of any height and width (multiples of four), the sizes symbolic."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class UNet(nn.Module):
    """picture [batch, 1, 4h, 4w] -> mask [batch, 1, 4h, 4w] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.down_1, self.down_2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 10, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(10, 10, 3, stride=2, padding=1, padding_mode="zeros")
        self.norm = nn.InstanceNorm2d(10, affine=True)
        self.up_1, self.up_2 = nn.ConvTranspose2d(10, 10, 2, stride=2), nn.ConvTranspose2d(20, 6, 2, stride=2)
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        a = torch.relu(self.down_1(picture))
        b = torch.relu(self.down_2(a))
        c = torch.relu(self.norm(self.middle(b)))
        d = torch.relu(self.up_1(c))
        e = torch.relu(self.up_2(torch.cat([b, d], dim=1)))
        return torch.sigmoid(self.out(torch.cat([a, e], dim=1)))


def build() -> UNet:
    """Trained for 20 steps to find what is brighter than its surroundings."""
    torch.manual_seed(11)
    model = UNet()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(20):
        x = torch.rand(8, 1, 16, 16)
        wanted = (x > nn.functional.avg_pool2d(x, 5, stride=1, padding=2)).float()
        loss = nn.functional.binary_cross_entropy(model(x), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Three pictures that are no squares."""
    return {"picture": rng.random((3, 1, 12, 20), np.float32)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter: batch, height and width are free."""
    height, width = 4 * torch.export.Dim("h", min=2, max=64), 4 * torch.export.Dim("w", min=2, max=64)
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 16, 24),),
        path,
        input_names=["picture"],
        output_names=["mask"],
        dynamic_shapes={"picture": {0: torch.export.Dim("batch"), 2: height, 3: width}},
        external_data=False,
        verbose=False,
    )
