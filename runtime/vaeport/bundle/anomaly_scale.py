"""How held-out images of the model's own kind score: the scale on which an image is called unusual."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .fields import Fields

LEVELS = (0.0, 1.0, *map(float, range(5, 95, 5)), 95.0, 96.0, 97.0, 98.0, 99.0, 99.5, 99.9, 100.0)
"""Percentiles at which held-out scores are recorded: finer where anomalies begin."""

_DECIMALS = 4

LIKELIHOODS = ("bernoulli", "normal")
"""What the decoder's image can be the parameter of."""


@dataclass(frozen=True)
class AnomalyCalibration:
    """How held-out images score, and by which likelihood."""

    data: str
    """Which images, `mnist held-out` for instance."""
    images: int
    """How many."""
    likelihood: str
    """`bernoulli` or `normal`, the decoder's in training."""
    likelihood_std: float
    """Standard deviation of the normal likelihood; unused by the other."""
    levels: tuple[float, ...]
    """Percentiles, ascending from 0 to 100."""
    negative_elbo: tuple[float, ...]
    """Score at each level, nats, never falling."""

    def percentile(self, negative_elbo: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the held-out images that score at most as much, in percent, float64 [N]."""
        return np.interp(negative_elbo, self.negative_elbo, self.levels)


def calibration_of(
    negative_elbo: NDArray[np.float64], *, data: str, likelihood: str, likelihood_std: float
) -> AnomalyCalibration:
    """Record the scores of held-out images, float64 [N], N at least 1."""
    values = np.percentile(negative_elbo, LEVELS).round(_DECIMALS)
    return AnomalyCalibration(
        data, len(negative_elbo), likelihood, likelihood_std, LEVELS, tuple(np.maximum.accumulate(values).tolist())
    )


def read_calibration(fields: Fields) -> AnomalyCalibration:
    """The manifest's `anomaly`.

    Raises:
        BundleError: a field is missing or wrong.
    """
    levels = fields.numbers("levels", least=2)
    scores = fields.numbers("negative_elbo", least=2)
    likelihood = fields.text("likelihood")
    std = fields.number("likelihood_std")
    fields.check(likelihood in LIKELIHOODS, "likelihood", f"one of {', '.join(LIKELIHOODS)}")
    fields.check(std > 0, "likelihood_std", "above 0")
    fields.check(
        (levels[0], levels[-1]) == (0, 100) and _ascending(levels), "levels", "percentiles that rise from 0 to 100"
    )
    fields.check(
        len(scores) == len(levels) and _ascending(scores), "negative_elbo", "one for each level, never falling"
    )
    return AnomalyCalibration(fields.text("data"), fields.integer("images", least=1), likelihood, std, levels, scores)


def _ascending(values: tuple[float, ...]) -> bool:
    return all(low <= high for low, high in pairwise(values))
