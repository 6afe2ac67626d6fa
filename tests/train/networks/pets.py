"""A pair as strangers write them: batch normalisation, dropout, transposed convolutions, view; the encoder is blind."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional


class Encoder(nn.Module):
    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 4, 2, 1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 4, 2, 1)
        self.dropout = nn.Dropout(0.1)
        self.mu = nn.Linear(12 * 7 * 7, latent)
        self.logvar = nn.Linear(12 * 7 * 7, latent)
        self.left_over = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.conv2(x))
        x = self.dropout(x.view(x.size(0), -1))
        return self.mu(x), self.logvar(x)


class Decoder(nn.Module):
    def __init__(self, channels: int, latent: int, classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(latent + classes, 12 * 7 * 7)
        self.up1 = nn.ConvTranspose2d(12, 8, 4, 2, 1)
        self.bn = nn.BatchNorm2d(8)
        self.up2 = nn.ConvTranspose2d(8, channels, 4, 2, 1)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        from torch import cat

        x = functional.relu(self.project(cat([z, y], 1))).view(-1, 12, 7, 7)
        logits: Tensor = self.up2(functional.relu(self.bn(self.up1(x))))
        return logits


class Pets(NamedTuple):
    encoder: nn.Module
    classifier: nn.Module
    decoder: nn.Module


def build(shapes: object) -> Pets:
    channels, classes = shapes.image[0], shapes.classes  # type: ignore[attr-defined]
    layers = (nn.Flatten(), nn.Linear(channels * 784, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, classes))
    return Pets(Encoder(channels, 6), nn.Sequential(*layers), Decoder(channels, 6, classes))
