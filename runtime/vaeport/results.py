"""What the model says of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Encoding:
    """Posterior of N images, and the classifier's answer."""

    z_mean: NDArray[np.float32]
    """float32 [N, Z]."""
    z_logvar: NDArray[np.float32]
    """float32 [N, Z], natural logarithm of the variance."""
    class_probs: NDArray[np.float32]
    """float32 [N, K], rows sum to 1."""

    def __len__(self) -> int:
        return len(self.z_mean)


@dataclass(frozen=True)
class Prediction:
    """The class of one image."""

    label: str
    """Name of the most probable class."""
    confidence: float
    """Its probability, in [0, 1]."""
    rejected: bool = False
    """Whether the confidence is below what was asked for, so that the label should not be relied on."""


@dataclass(frozen=True, eq=False)
class Classification:
    """The classes of N images."""

    predictions: tuple[Prediction, ...]
    """One an image."""
    class_probs: NDArray[np.float32]
    """float32 [N, K], columns in the order of the model's labels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of the most probable class of each image."""
        return tuple(prediction.label for prediction in self.predictions)

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, index: int) -> Prediction:
        return self.predictions[index]


@dataclass(frozen=True, eq=False)
class AnomalyScores:
    """How unusual N images are."""

    reconstruction: NDArray[np.float64]
    """float64 [N], -log p(x | z_mean, class_probs), nats."""
    kl: NDArray[np.float64]
    """float64 [N], KL(Q(z | x) || N(0, I)), nats."""
    squared_error: NDArray[np.float64]
    """float64 [N], mean over pixels of the squared difference between image and reconstruction."""
    percentile: NDArray[np.float64]
    """float64 [N], percent of the held-out images whose negative ELBO is at most this image's."""

    @property
    def negative_elbo(self) -> NDArray[np.float64]:
        """float64 [N], reconstruction + KL, nats: the score; the higher the stranger."""
        return self.reconstruction + self.kl

    @classmethod
    def joined(cls, parts: Sequence[AnomalyScores]) -> AnomalyScores:
        """The scores of several batches as one."""
        nothing = np.zeros(0)
        columns = [(part.reconstruction, part.kl, part.squared_error, part.percentile) for part in parts]
        return cls(*(np.concatenate(column) for column in zip((nothing,) * 4, *columns, strict=True)))

    def __len__(self) -> int:
        return len(self.kl)
