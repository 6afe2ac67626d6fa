"""Images for lower precisions: some to measure ranges on, others to judge the outcome on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, IMAGE, Z_LOGVAR, Z_MEAN, Shapes, Z
from vaeport.errors import InputError
from vaeport.images.scaling import from_uint8
from vaeport.model.latents import latents
from vaeport_parity.reference.base import Reference, chunked_answers

from ..bundle.probes import Inputs

LEAST_IMAGES = 100
"""Samples that lower precisions need: a quarter is calibrated on, the rest judged on."""

_CALIBRATED = 512
_SEED = 512  # any constant will do; files must not change from one export to the next


@dataclass(frozen=True, eq=False)
class Material:
    """What lower precisions are made and judged with."""

    calibration: dict[str, Inputs]
    """Inputs to measure ranges on by graph: images; their posteriors' means and samples, and the prior's."""
    images: NDArray[np.uint8]
    """uint8 [N, C, H, W], images to judge on."""
    labels: NDArray[np.int64] | None
    """int64 [N], their classes; None where they are not known."""
    name: str
    """What these images are called in figures, `mnist test` for instance."""


def sample_material(
    encoder: Reference, images: NDArray[np.uint8], labels: NDArray[np.int64] | None, shapes: Shapes
) -> Material:
    """Cut samples in two: every fourth, up to 512, to calibrate on, the others to judge on.

    Args:
        encoder: gives the answers of the encoder with its classifier.
        images: uint8 [N, C, H, W].
        labels: int64 [N]; None where they are not known.
        shapes: sizes of the tensors.

    Raises:
        InputError: there are fewer than `LEAST_IMAGES`.
    """
    if len(images) < LEAST_IMAGES:
        raise InputError(
            f"a lower precision needs at least {LEAST_IMAGES} images, a quarter to calibrate on and the rest to judge "
            f"on, but {len(images)} are given; give more, or export without it"
        )
    chosen = np.zeros(len(images), bool)
    chosen[np.linspace(0, len(images) - 1, min(_CALIBRATED, len(images) // 4)).astype(np.int64)] = True
    calibration = calibration_inputs(encoder, images[chosen], shapes)
    return Material(calibration, images[~chosen], None if labels is None else labels[~chosen], "sample")


def calibration_inputs(encoder: Reference, images: NDArray[np.uint8], shapes: Shapes) -> dict[str, Inputs]:
    """Inputs of both graphs to measure ranges on, from up to 512 of the images.

    Args:
        encoder: gives the answers of the encoder with its classifier.
        images: uint8 [N, C, H, W], such as the networks were trained on.
        shapes: sizes of the tensors.
    """
    rows = np.linspace(0, len(images) - 1, min(_CALIBRATED, len(images))).astype(np.int64)
    given = {IMAGE: from_uint8(images[rows])}
    encoded = chunked_answers(encoder, dict(given), "native")
    noise = latents(_SEED, len(rows), shapes.latent_dim)
    sampled = encoded[Z_MEAN] + np.exp(encoded[Z_LOGVAR] / 2) * noise
    one_hot = np.eye(shapes.classes)[np.arange(len(rows)) % shapes.classes]
    return {
        ENCODER_CLASSIFIER: given,
        DECODER: {
            Z: np.concatenate([encoded[Z_MEAN], sampled, noise]).astype(np.float32),
            CLASS_PROBS: np.concatenate([encoded[CLASS_PROBS], encoded[CLASS_PROBS], one_hot]).astype(np.float32),
        },
    }
