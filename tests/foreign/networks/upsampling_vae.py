"""A VAE of colour tiles whose decoder upsamples bilinearly, corners aligned once and once not, with GroupNorm.

Its two graphs keep the names and ranges that the deployment asks for: probabilities, pixels in [0, 1].
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

CLASSES = ["reddish", "greenish", "bluish", "grey"]


class EncoderClassifier(nn.Module):
    """image [N, 3, 12, 16] in [0, 1] -> z_mean, z_logvar [N, 5], class_probs [N, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2, padding=1),
            nn.GroupNorm(3, 12),
            nn.SiLU(),
            nn.Conv2d(12, 16, 3, stride=2, padding=1),
            nn.GroupNorm(4, 16),
            nn.SiLU(),
        )
        self.head = nn.Linear(16 * 3 * 4, 10)
        self.classify = nn.Linear(16, 4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.trunk((image - self.mean) / self.std)
        z_mean, z_logvar = self.head(h.flatten(1)).chunk(2, dim=1)
        return z_mean, z_logvar.clamp(-8, 4), F.softmax(self.classify(h.mean((2, 3))), dim=1)


class Decoder(nn.Module):
    """(z [N, 5], class_probs [N, 4]) -> image [N, 3, 12, 16] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(5 + 4, 16 * 3 * 4)
        self.first = nn.Conv2d(16, 12, 3, padding=1)
        self.norm = nn.GroupNorm(3, 12)
        self.second = nn.Conv2d(12, 3, 3, padding=1)
        self.up_aligned = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        h = self.project(torch.cat([z, class_probs], dim=1)).unflatten(1, (16, 3, 4))
        h = F.gelu(self.norm(self.first(self.up_aligned(F.silu(h)))))
        return torch.sigmoid(self.second(self.up(h)))


def tiles(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], list[str]]:
    """uint8 [count, 3, 12, 16] with a gradient of the class's colour, and the names of the classes."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 4, count)
    colours = np.array([[220, 60, 50], [60, 200, 70], [60, 80, 230], [140, 140, 140]])[kinds]
    ramp = np.linspace(0.4, 1, 16)[None, None, None] * rng.uniform(0.7, 1, (count, 1, 12, 1))
    pixels = colours[:, :, None, None] * ramp + rng.normal(0, 6, (count, 3, 12, 16))
    return np.clip(pixels, 0, 255).astype(np.uint8), [CLASSES[kind] for kind in kinds]


def build() -> tuple[EncoderClassifier, Decoder]:
    """Both networks after 60 steps of Adam, in evaluation mode."""
    torch.manual_seed(1)
    encoder, decoder = EncoderClassifier(), Decoder()
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-3)
    pixels, names = tiles(96)
    x = torch.from_numpy(pixels).float() / 255
    y = torch.tensor([CLASSES.index(name) for name in names])
    for _ in range(60):
        z_mean, z_logvar, probs = encoder(x)
        image = decoder(z_mean + torch.exp(z_logvar / 2) * torch.randn_like(z_mean), F.one_hot(y, 4).float())
        kl = -0.5 * (1 + z_logvar - z_mean**2 - z_logvar.exp()).sum(1).mean()
        loss = 100 * F.mse_loss(image, x) + 0.1 * kl + F.nll_loss(torch.log(probs + 1e-7), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return encoder.eval(), decoder.eval()


def build_encoder() -> EncoderClassifier:
    """The first of the two."""
    return build()[0]


def build_decoder() -> Decoder:
    """The second of the two."""
    return build()[1]


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Tiles in [0, 1]."""
    return {"image": tiles(10, int(rng.integers(1 << 30)))[0].astype(np.float32) / np.float32(255)}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Write the encoder with the exporter of older days, in opset 17."""
    names = ["z_mean", "z_logvar", "class_probs"]
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, 12, 16),),
        str(path),
        input_names=["image"],
        output_names=names,
        dynamic_axes={name: {0: "batch"} for name in ["image", *names]},
        opset_version=17,
        dynamo=False,
    )


def decoder_inputs(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Latents and soft class vectors."""
    weights = rng.uniform(0, 1, (8, 4)).astype(np.float32)
    return {"z": rng.standard_normal((8, 5), np.float32), "class_probs": weights / weights.sum(1, keepdims=True)}


def decoder_to_onnx(model: nn.Module, path: Path) -> None:
    """Write the decoder with today's exporter."""
    torch.onnx.export(
        model,
        (torch.zeros(2, 5), torch.full((2, 4), 0.25)),
        path,
        input_names=["z", "class_probs"],
        output_names=["image"],
        dynamic_shapes={"z": {0: "batch"}, "class_probs": {0: "batch"}},
        opset_version=20,
        external_data=False,
        verbose=False,
    )
