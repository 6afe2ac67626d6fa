"""What changes over a run: learning rate, weight of the KL, samples, distortions."""

import math
from dataclasses import dataclass

from ..configuration.config import RunConfig

_WARMUP_SHARE = 0.05
_FIRST_KL_WEIGHT = 0.2
_GENTLE_SHARE = 0.1


@dataclass(frozen=True)
class Schedule:
    """The course of a run over its images."""

    config: RunConfig
    """The run's configuration."""
    images: int
    """Training images an epoch."""

    def samples(self, epoch: int) -> int:
        """Latents a training image in an epoch, counted from 0: one for the ELBO, more for the tighter bound."""
        return self.config.objective.importance_samples if self._importance(epoch) else 1

    def vae_share(self, epoch: int) -> float:
        """Share of a batch that the VAE learns from in an epoch, counted from 0."""
        return self.config.objective.importance_share if self._importance(epoch) else 1.0

    def distortion(self, seen: int) -> float:
        """Strength of the classifier's distortions after so many images; near the end it sees images as they are."""
        late = seen >= (1 - _GENTLE_SHARE) * self.config.training.epochs * self.images
        return self.config.objective.augment * (0.5 if late else 1.0)

    def learning_rate(self, seen: int, batch: int) -> float:
        """Share of the highest learning rate for a batch after so many images.

        1 throughout; or, where the schedule is cosine, a linear warm-up over 5 % of the run and half a cosine to 0.
        """
        if self.config.training.schedule == "constant":
            return 1.0
        total = self.config.training.epochs * self.images
        warmup = _WARMUP_SHARE * total
        if seen < warmup:
            return min(1.0, (seen + batch) / warmup)
        return 0.5 * (1 + math.cos(math.pi * (seen - warmup) / (total - warmup)))

    def kl_weight(self, seen: int) -> float:
        """Weight of the KL after so many images: it begins low, so that the latents are used before they are priced."""
        warmup = self.config.objective.kl_warmup * self.images
        return min(1.0, _FIRST_KL_WEIGHT + (1 - _FIRST_KL_WEIGHT) * seen / warmup) if warmup else 1.0

    def recognises(self, seen: int) -> bool:
        """Whether drawn images are shown to the classifier after so many images."""
        objective, total = self.config.objective, self.config.training.epochs * self.images
        return objective.recognition_weight > 0 and seen >= objective.recognition_from * total

    def _importance(self, epoch: int) -> bool:
        return epoch >= self.config.training.epochs - self.config.training.importance_epochs
