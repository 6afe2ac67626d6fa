"""What each network is shown of a batch: the image itself, a distorted one, or its bits."""

from typing import NamedTuple

import torch
from torch import Tensor

from .augmentation import distort
from .config import ObjectiveConfig
from .randomness import generator

_GREY_SHARE = 4
"""One image in this many is encoded in grey where the others are encoded as bits."""


class Views(NamedTuple):
    """One batch, each float [N, C, H, W] in [0, 1]."""

    classified: Tensor
    """What the classifier is shown."""
    encoded: Tensor
    """What the encoder is shown."""
    target: Tensor
    """What the decoder is asked for."""


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
    bits = torch.bernoulli(image, generator=source)
    grey = len(image) // _GREY_SHARE
    return Views(classified, torch.cat([image[:grey], bits[grey:]]), bits)


def evaluation_views(image: Tensor, config: ObjectiveConfig, source: torch.Generator) -> Views:
    """Views for measuring: nothing is distorted; bits, where they are trained on, are drawn once."""
    if not config.binarise:
        return Views(image, image, image)
    bits = torch.bernoulli(image, generator=source)
    return Views(image, bits, bits)
