"""A VAE without classes, in one class with a method for each half, as tutorials have it; pixels as logits (BCE)."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class VAE(nn.Module):
    """The tutorial's VAE of 8 x 8 digits: forward samples, `encode` and `decode` are what is shipped."""

    def __init__(self, latent: int = 4) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(64, 40), nn.Linear(40, latent), nn.Linear(40, latent)
        self.fc3, self.fc4 = nn.Linear(latent, 40), nn.Linear(40, 64)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 1, 8, 8] in [0, 1] -> (mu, logvar)."""
        h = F.relu(self.fc1(x.flatten(1)))
        return self.fc21(h), self.fc22(h)

    def decode(self, z: Tensor) -> Tensor:
        """[N, latent] -> pixel logits [N, 1, 8, 8]."""
        return self.fc4(F.relu(self.fc3(z))).view(-1, 1, 8, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.exp(logvar / 2) * torch.randn_like(mu)), mu, logvar


class Encoder(nn.Module):
    """`encode` as a network of its own."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.vae.encode(x)


class Decoder(nn.Module):
    """`decode` as a network of its own."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, z: Tensor) -> Tensor:
        return self.vae.decode(z)


def blobs(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Bright blobs at random places: float32 [count, 1, 8, 8] in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:8, :8]
    centre = rng.uniform(1.5, 5.5, (count, 2, 1, 1))
    picture = np.exp(-((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2) / 3)
    return picture[:, None].astype(np.float32)


def train() -> VAE:
    """Trained for 60 steps."""
    torch.manual_seed(14)
    vae = VAE()
    optimiser = torch.optim.Adam(vae.parameters(), lr=5e-3)
    x = torch.from_numpy(blobs(128))
    for _ in range(60):
        logits, mu, logvar = vae(x)
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 128 + kl
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return vae.eval()
