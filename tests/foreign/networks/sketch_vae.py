"""A conditional VAE of sketches: BatchNorm and transposed convolutions, pixels in [-1, 1], three separate networks."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

CLASSES = ["bar", "box", "cross"]
LATENT = 6


class Encoder(nn.Module):
    """Image in [-1, 1] -> (mu, logvar)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 16, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.fc_mu = nn.Linear(16 * 4 * 4, LATENT)
        self.fc_logvar = nn.Linear(16 * 4 * 4, LATENT)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.fc_mu(h), self.fc_logvar(h)


class Classifier(nn.Module):
    """Image in [-1, 1] -> logits."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(8 * 16, len(CLASSES)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Decoder(nn.Module):
    """[z, one-hot] in one vector -> image in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(LATENT + len(CLASSES), 16 * 4 * 4)
        self.body = nn.Sequential(
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z_and_class: Tensor) -> Tensor:
        return self.body(self.project(z_and_class).view(-1, 16, 4, 4))


def sketches(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noisy bars, boxes and crosses: uint8 [count, 1, 16, 16], and their classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % 3
    pictures = rng.integers(0, 30, (count, 1, 16, 16))
    for picture, kind in zip(pictures, classes, strict=True):
        top, left = rng.integers(1, 5, 2)
        if kind == 0:
            picture[0, top : top + 10, left + 4 : left + 7] += 200
        elif kind == 1:
            picture[0, top : top + 10, left : left + 10] += 200
            picture[0, top + 2 : top + 8, left + 2 : left + 8] -= 190
        else:
            picture[0, top + 4 : top + 6, left : left + 10] += 200
            picture[0, top : top + 10, left + 4 : left + 6] += 200
    return np.clip(pictures, 0, 255).astype(np.uint8), classes


def train(steps: int = 60) -> tuple[Encoder, Classifier, Decoder]:
    """Three networks after a short training with a fixed seed, in evaluation mode."""
    torch.manual_seed(0)
    encoder, classifier, decoder = Encoder(), Classifier(), Decoder()
    parameters = [*encoder.parameters(), *classifier.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=3e-3)
    pictures, classes = sketches(96)
    x = torch.from_numpy(pictures).float() / 127.5 - 1
    y = torch.from_numpy(classes)
    for step in range(steps):
        rows = torch.arange(32) + 32 * (step % 3)
        mu, logvar = encoder(x[rows])
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        recon = decoder(torch.cat([z, F.one_hot(y[rows], len(CLASSES)).float()], dim=1))
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        loss = (
            F.mse_loss(recon, x[rows], reduction="sum") / 32 + kl + 10 * F.cross_entropy(classifier(x[rows]), y[rows])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return encoder.eval(), classifier.eval(), decoder.eval()


class Everything(nn.Module):
    """What the author ships as one graph: image in [-1, 1] -> (mu, logvar, logits)."""

    def __init__(self, encoder: Encoder, classifier: Classifier) -> None:
        super().__init__()
        self.encoder, self.classifier = encoder, classifier

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encoder(x)
        return mu, logvar, self.classifier(x)


def build() -> Everything:
    """The trained encoder and classifier as one network."""
    encoder, classifier, _ = train()
    return Everything(encoder, classifier).eval()


def build_decoder() -> Decoder:
    """The trained decoder."""
    return train()[2]


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Sketches in [-1, 1]."""
    pictures, _ = sketches(12, int(rng.integers(1 << 30)))
    return {"x": pictures.astype(np.float32) / np.float32(127.5) - 1}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Write the encoder and classifier."""
    batch = torch.export.Dim("n")
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 16, 16),),
        path,
        input_names=["x"],
        output_names=["mu", "logvar", "logits"],
        dynamic_shapes={"x": {0: batch}},
        external_data=False,
        verbose=False,
    )


def decoder_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Latents with one-hot classes behind them."""
    z = rng.standard_normal((9, LATENT), np.float32)
    return {"z_and_class": np.concatenate([z, np.eye(3, dtype=np.float32)[np.arange(9) % 3]], axis=1)}


def decoder_to_onnx(model: nn.Module, path: Path) -> None:
    """Write the decoder with the exporter of older days, as many scripts still do."""
    torch.onnx.export(
        model,
        (torch.zeros(2, LATENT + len(CLASSES)),),
        str(path),
        input_names=["z_and_class"],
        output_names=["picture"],
        dynamic_axes={"z_and_class": {0: "n"}, "picture": {0: "n"}},
        opset_version=13,
        dynamo=False,
    )
