"""Networks as strangers write them, for the tests of the export."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SIZE = 16
LABELS = ["cat", "dog"]


class Encoder(nn.Module):
    """BatchNorm, in-place ReLU, dropout, and a flattening by size."""

    def __init__(self, latent: int = 5, classes: int = 2, channels: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 8, 3, 2, 1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(),
            nn.Conv2d(8, 16, 3, 2, 1),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
        )
        self.mean = nn.Linear(SIZE * SIZE, latent)
        self.logvar = nn.Linear(SIZE * SIZE, latent)
        self.classes = nn.Linear(SIZE * SIZE, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        h = self.features(x)
        h = h.view(h.size(0), -1)
        return self.mean(h), self.logvar(h), torch.softmax(self.classes(h), 1)


class Decoder(nn.Module):
    """Transposed convolutions behind one concatenated vector."""

    def __init__(self, latent: int = 5, classes: int = 2, channels: int = 3) -> None:
        super().__init__()
        self.spread = nn.Linear(latent + classes, SIZE * SIZE)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 4, 2, 1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, channels, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        image: Tensor = self.up(self.spread(torch.cat([z, y], 1)).view(-1, 16, SIZE // 4, SIZE // 4))
        return image


def pair() -> tuple[nn.Module, nn.Module]:
    """A pair in evaluation mode, the same each time."""
    torch.manual_seed(0)
    return Encoder().eval(), Decoder().eval()


def samples(count: int = 24, channels: int = 3) -> NDArray[np.uint8]:
    """Coloured noise, uint8 [N, C, 16, 16]."""
    return np.random.default_rng(0).integers(0, 256, (count, channels, SIZE, SIZE), np.uint8)


def files(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
