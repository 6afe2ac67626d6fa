"""What each network is shown of a batch: the image itself, a distorted one, or its bits."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..configuration.config import ObjectiveConfig
from ..devices import sample_within
from ..randomness import draw_bits, generator

_ROTATION = math.radians(15)
_LOG_SCALE = 0.12
_SHEAR = 0.2
_SHIFT = 1 / 7  # in half images, so 2 pixels of 28
_BEND = 0.05  # likewise, deviation of a smooth field on 6 x 6 points


def distort(image: Tensor, source: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """Rotate, scale, shear, shift and bend each image a little, all in one resampling.

    Args:
        image: float [N, C, H, W]; what comes in from outside is the border's colour.
        source: randomness, on the CPU, so that it is the same on every device.
        strength: factor of angles, scales and distances.

    Returns:
        float [N, C, H, W].
    """
    n = len(image)

    def uniform() -> Tensor:
        return (torch.rand(n, generator=source) * 2 - 1).to(image.device) * strength

    angle, scale, shear = uniform() * _ROTATION, torch.exp(uniform() * _LOG_SCALE), uniform() * _SHEAR
    stretch = scale * torch.exp(uniform() * _LOG_SCALE * 0.7)
    cos, sin = angle.cos(), angle.sin()
    rows = (
        torch.stack([cos * scale, -sin * stretch + shear * cos, uniform() * _SHIFT], dim=1),
        torch.stack([sin * scale, cos * stretch + shear * sin, uniform() * _SHIFT], dim=1),
    )
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(image.shape), align_corners=False)
    bend = torch.randn(n, 2, 6, 6, generator=source) * torch.rand(n, 1, 1, 1, generator=source) * _BEND * strength
    bend = bend.to(image.device)
    size = list(image.shape[2:])
    grid = grid + functional.interpolate(bend, size, mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    return sample_within(image, grid)


_GREY_SHARE = 4
"""One image in this many is encoded in grey where the others are encoded as bits."""


class Views(NamedTuple):
    """One batch, each float [N, C, H, W] in [0, 1]."""

    classified: Tensor
    """What the classifier is shown."""
    encoded: Tensor
    """What the encoder is shown."""
    target: Tensor
    """What the decoder should return."""


def training_views(
    image: Tensor, config: ObjectiveConfig, *, seed: int, number: tuple[int, int], distortion: float, vae_images: int
) -> Views:
    """Views of a training step; the same for the same seed, step and process.

    Args:
        image: float [N, C, H, W] in [0, 1].
        config: whether bits are drawn.
        seed: of the run.
        number: step and process.
        distortion: strength of the classifier's.
        vae_images: how many images, the first, the VAE is shown.
    """
    source = generator(seed, "views", *number)
    classified = distort(image, source, strength=distortion) if distortion else image
    image = image[:vae_images]
    if not config.binarise:
        return Views(classified, image, image)
    bits = draw_bits(image, source)
    grey = len(image) // _GREY_SHARE
    return Views(classified, torch.cat([image[:grey], bits[grey:]]), bits)


def evaluation_views(image: Tensor, config: ObjectiveConfig, source: torch.Generator) -> Views:
    """Views for measuring: nothing is distorted; bits, where they are trained on, are drawn once."""
    if not config.binarise:
        return Views(image, image, image)
    bits = draw_bits(image, source)
    return Views(image, bits, bits)
