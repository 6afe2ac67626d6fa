"""Random distortions that keep a digit its digit, for the classifier alone: the VAE learns images as they are."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_ROTATION = math.radians(15)
_LOG_SCALE = 0.12
_SHEAR = 0.2
_SHIFT = 1 / 7  # in half images, so 2 pixels of 28
_BEND = 0.05  # likewise, deviation of a smooth field on 6 x 6 points


def distort(image: Tensor, source: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """Rotate, scale, shear, shift and bend each image a little, all in one resampling.

    Args:
        image: float [N, C, H, W]; what comes in from outside is the border's colour.
        source: randomness.
        strength: factor of angles, scales and distances.

    Returns:
        float [N, C, H, W].
    """
    n = len(image)

    def uniform() -> Tensor:
        return (torch.rand(n, generator=source) * 2 - 1) * strength

    angle, scale, shear = uniform() * _ROTATION, torch.exp(uniform() * _LOG_SCALE), uniform() * _SHEAR
    stretch = scale * torch.exp(uniform() * _LOG_SCALE * 0.7)
    cos, sin = angle.cos(), angle.sin()
    rows = (
        torch.stack([cos * scale, -sin * stretch + shear * cos, uniform() * _SHIFT], dim=1),
        torch.stack([sin * scale, cos * stretch + shear * sin, uniform() * _SHIFT], dim=1),
    )
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(image.shape), align_corners=False)
    bend = torch.randn(n, 2, 6, 6, generator=source) * torch.rand(n, 1, 1, 1, generator=source) * _BEND * strength
    size = list(image.shape[2:])
    grid = grid + functional.interpolate(bend, size, mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
