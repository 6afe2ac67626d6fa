"""How unusual an image is: its negative ELBO, placed among those of held-out images of the model's own kind."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..bundle.anomaly_scale import AnomalyCalibration
from ..bundle.opening import Bundle
from ..errors import BundleError
from .answers import AnomalyScores, Encoding

_LEAST_PROBABILITY = 2.0**-24
"""Half a step of float32 below 1: a pixel closer to 0 or 1 than the decoder can say is taken for this close."""


def calibration_needed(bundle: Bundle) -> AnomalyCalibration:
    """The bundle's calibration.

    Raises:
        BundleError: it has none.
    """
    known = bundle.manifest.anomaly
    if known is None:
        raise BundleError(
            f"{bundle.path} has no scores of held-out images to compare with; export it again with 100 samples or "
            "more, or from a run that `vaeport-train evaluate` has measured"
        )
    return known


def score(
    images: NDArray[np.float32], encoding: Encoding, drawn: NDArray[np.float32], calibration: AnomalyCalibration
) -> AnomalyScores:
    """Score N images, float32 [N, C, H, W], by what they were encoded as and drawn again as."""
    with np.errstate(all="ignore"):  # a strange graph's infinite answer is an infinite score, and no warning
        nats = reconstruction_nats(
            images, drawn, likelihood=calibration.likelihood, likelihood_std=calibration.likelihood_std
        )
        kl = kl_nats(encoding.z_mean, encoding.z_logvar)
        squared = np.square(images.astype(np.float64) - drawn).mean(axis=(1, 2, 3))
        return AnomalyScores(nats, kl, squared, calibration.percentile(nats + kl))


def reconstruction_nats(
    images: NDArray[np.floating], drawn: NDArray[np.floating], *, likelihood: str, likelihood_std: float
) -> NDArray[np.float64]:
    """-log p(x | z, y) summed over pixels.

    Args:
        images: float [N, C, H, W] in [0, 1].
        drawn: the decoder's answer, of the same shape.
        likelihood: `bernoulli` or `normal`.
        likelihood_std: standard deviation of the normal likelihood.

    Returns:
        float64 [N], nats.
    """
    x, mean = (array.reshape(len(array), -1).astype(np.float64) for array in (images, drawn))
    if likelihood == "bernoulli":
        p = np.clip(mean, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        nats: NDArray[np.float64] = -(x * np.log(p) + (1 - x) * np.log1p(-p)).sum(axis=1)
        return nats
    constant = x.shape[1] * (math.log(likelihood_std) + 0.5 * math.log(2 * math.pi))
    squared: NDArray[np.float64] = 0.5 * np.square((x - mean) / likelihood_std).sum(axis=1) + constant
    return squared


def kl_nats(z_mean: NDArray[np.floating], z_logvar: NDArray[np.floating]) -> NDArray[np.float64]:
    """KL(Q(z | x) || N(0, I)) in closed form, from float [N, Z] each: float64 [N], nats."""
    mean, logvar = z_mean.astype(np.float64), z_logvar.astype(np.float64)
    nats: NDArray[np.float64] = 0.5 * (np.square(mean) + np.exp(logvar) - 1 - logvar).sum(axis=1)
    return nats
