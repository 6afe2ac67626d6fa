"""The stock VAE of pythae 0.1.2 with the MLP networks that it makes by itself, after a few steps of training."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pythae.models import VAE, VAEConfig
from torch import Tensor, nn

from tests.foreign.networks.plain_vae import blobs


class Encode(nn.Module):
    """pythae's encoder answers a dictionary; a graph has a tuple: image -> (embedding, log_covariance)."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.encoder = vae.encoder

    def forward(self, data: Tensor) -> tuple[Tensor, Tensor]:
        answer = self.encoder(data)
        return answer["embedding"], answer["log_covariance"]


class Decode(nn.Module):
    """z -> reconstruction in [0, 1]."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.decoder = vae.decoder

    def forward(self, z: Tensor) -> Tensor:
        return self.decoder(z)["reconstruction"]


def train() -> VAE:
    """Trained for 40 steps with pythae's own loss."""
    torch.manual_seed(16)
    vae = VAE(VAEConfig(input_dim=(1, 8, 8), latent_dim=4, reconstruction_loss="bce"))
    optimiser = torch.optim.Adam(vae.parameters(), lr=1e-3)
    data = torch.from_numpy(blobs(128))
    for _ in range(40):
        loss = vae({"data": data}).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return vae.eval()


def build() -> Encode:
    """The encoder."""
    return Encode(train()).eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Blobs."""
    return {"data": blobs(10, int(rng.integers(1 << 30)))}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 8, 8),),
        path,
        input_names=["data"],
        output_names=["embedding", "log_covariance"],
        dynamic_shapes={"data": {0: torch.export.Dim("batch")}},
        external_data=False,
        verbose=False,
    )
