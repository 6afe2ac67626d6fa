"""A kind of networks that is in no package: one linear layer each. Registered by the test of the registry."""

from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass
from torch import Tensor, cat, nn

from vaeport.contract import Shapes
from vaeport_train.configuration.fields import STRICT, Width
from vaeport_train.networks.registry import Parts


@dataclass(config=STRICT)
class Config:
    """One linear layer each."""

    kind: Literal["toy"]
    latent_dim: Width
    stretch: float = 1.0


class _Encoder(nn.Module):
    def __init__(self, config: Config, pixels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(pixels, 2 * config.latent_dim)

    def forward(self, image: Tensor, class_probs: Tensor) -> tuple[Tensor, Tensor]:
        z_mean, z_logvar = self.layer(image.flatten(1)).chunk(2, 1)
        return z_mean, z_logvar


class _Decoder(nn.Module):
    def __init__(self, config: Config, shapes: Shapes, pixels: int) -> None:
        super().__init__()
        self.image, self.stretch = shapes.image, config.stretch
        self.layer = nn.Linear(config.latent_dim + shapes.classes, pixels)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        logits: Tensor = self.layer(cat([self.stretch * z, class_probs], 1)).reshape(-1, *self.image)
        return logits


def build(config: Config, shapes: Shapes, folder: Path | None = None) -> Parts:
    channels, height, width = shapes.image
    pixels = channels * height * width
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(pixels, shapes.classes))
    return Parts(_Encoder(config, pixels), classifier, _Decoder(config, shapes, pixels))
