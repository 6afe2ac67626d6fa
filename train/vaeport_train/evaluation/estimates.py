"""How far a figure may be off: intervals of shares, and means of what is cheap to take roughly and dear exactly.

The second is the difference estimator of survey sampling (Cochran, "Sampling Techniques", 3rd edition, 1977, chapters 5
and 7): with the rough value a_i of every image i of N, the exact value b_i of the n_h images that were drawn from the
N_h of class h, and d_i = b_i - a_i,

    estimate     = mean over all i of a_i + sum over h of (N_h / N) mean over the drawn of h of d_i
    images_error = deviation of a_i / sqrt(N)
    subset_error = sqrt(sum over h of (N_h / N)^2 (1 - n_h / N_h) variance of d_i in h / n_h)

It is unbiased whatever the rough values are, the better the more the two go together, and exact with error 0 where
every image was drawn.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_Z_95 = 1.959963984540054
_LEAST_OF_A_CLASS = 2
"""A variance needs two."""


@dataclass(frozen=True)
class Estimate:
    """A mean over images and how far it may be off; the two reasons are kept apart."""

    mean: float
    """The estimate."""
    images_error: float | None
    """Standard error from having these images and not all that there could be; None for a single image."""
    subset_error: float
    """Standard error from taking the exact value of a subset only, against taking it of all these images."""
    rough_mean: float
    """Mean of the rough values of all images."""


def stratified_subset(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions of about `count` images, each class in its share, but two of each class at least, or all it has."""
    parts = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        share = round(len(members) * min(1.0, count / len(labels)))
        parts.append(rng.permutation(members)[: max(share, _LEAST_OF_A_CLASS)])
    return np.sort(np.concatenate(parts))


def difference_estimate(rough: Tensor, exact: Tensor, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> Estimate:
    """Estimate the mean of the exact values of all images.

    Args:
        rough: float64 [N], of every image.
        exact: float64 [n], of the images drawn.
        rows: int64 [n], their positions, as `stratified_subset` draws them.
        labels: int64 [N], classes of all images.
    """
    difference, drawn = exact - rough[torch.from_numpy(rows)], labels[rows]
    correction, variance = 0.0, 0.0
    for label in np.unique(labels):
        inside = difference[torch.from_numpy(drawn == label)]
        size, weight = int((labels == label).sum()), float((labels == label).mean())
        correction += weight * inside.mean().item()
        if len(inside) < size:
            variance += weight**2 * (1 - len(inside) / size) * inside.var().item() / len(inside)
    return Estimate(
        mean=rough.mean().item() + correction,
        images_error=rough.std().item() / math.sqrt(len(rough)) if len(rough) > 1 else None,
        subset_error=math.sqrt(variance),
        rough_mean=rough.mean().item(),
    )


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, 1927)."""
    share, z2 = successes / n, _Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
