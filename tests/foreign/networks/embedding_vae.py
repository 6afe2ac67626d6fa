"""A VAE whose decoder embeds class indices, whose encoder gives a standard deviation, and whose inputs are normalised.

The author scales images by mean and deviation before the encoder, as torchvision's transforms do; his classifier gives
logits.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

MEAN, STD = (0.1307,), (0.3081,)
NAMES = ["left", "right", "top", "bottom", "none"]


class Encoder(nn.Module):
    """Normalised image [N, 1, 10, 10] -> (mu, std) [N, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mu, self.std = nn.Linear(100, 48), nn.Linear(48, 3), nn.Linear(48, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.hidden(x.flatten(1)))
        return self.mu(h), F.softplus(self.std(h)) + 1e-3


class Classifier(nn.Module):
    """Normalised image -> logits [N, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(100, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Decoder(nn.Module):
    """(z [N, 3], class int64 [N]) -> image [N, 1, 10, 10] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 6)
        self.layers = nn.Sequential(nn.Linear(3 + 6, 48), nn.ReLU(), nn.Linear(48, 100), nn.Sigmoid())

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.layers(torch.cat([z, self.embed(label)], dim=1)).view(-1, 1, 10, 10)


def halves(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures of which one half is bright: uint8 [count, 10, 10], and the half."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, count)
    pictures = rng.integers(0, 40, (count, 10, 10))
    parts = [np.s_[:, :5], np.s_[:, 5:], np.s_[:5], np.s_[5:], np.s_[:0]]
    for picture, label in zip(pictures, labels, strict=True):
        picture[parts[label]] += rng.integers(120, 200)
    return pictures.astype(np.uint8), labels


def train() -> tuple[Encoder, Classifier, Decoder]:
    """Trained for 60 steps."""
    torch.manual_seed(15)
    encoder, classifier, decoder = Encoder(), Classifier(), Decoder()
    parameters = [*encoder.parameters(), *classifier.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=5e-3)
    pictures, labels = halves(120)
    x, y = torch.from_numpy(pictures)[:, None].float() / 255, torch.from_numpy(labels)
    scaled = (x - MEAN[0]) / STD[0]
    for _ in range(60):
        mu, std = encoder(scaled)
        recon = decoder(mu + std * torch.randn_like(mu), y)
        kl = 0.5 * (mu**2 + std**2 - 1 - 2 * torch.log(std)).sum(1).mean()
        loss = 100 * F.mse_loss(recon, x) + 0.1 * kl + F.cross_entropy(classifier(scaled), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return encoder.eval(), classifier.eval(), decoder.eval()
