"""Whether the classifier's confidence can be believed, and what rejecting doubtful images buys."""

from dataclasses import dataclass

import torch

from ..data import Split
from ..data.batching import batches
from ..networks.vae import ConditionalVAE

_BATCH = 1000
_BINS = 15
_COVERAGES = (1.0, 0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8)


@dataclass(frozen=True)
class ConfidenceCalibration:
    """The classifier's confidence against the truth."""

    expected_calibration_error: float
    """Mean distance of confidence from accuracy over 15 bins of equal width (Guo and others, 2017), in [0, 1]."""
    coverage: tuple[float, ...]
    """Shares of the images that are kept when the least confident are rejected."""
    error_at_coverage: tuple[float, ...]
    """Share of errors among those kept."""
    confidence_at_coverage: tuple[float, ...]
    """Confidence below which an image is then rejected."""


def confidence_calibration(network: ConditionalVAE, split: Split) -> ConfidenceCalibration:
    """Measure the classifier's confidence on images; the network is in evaluation mode afterwards."""
    network.eval()
    confidence, correct = [], []
    with torch.no_grad():
        for image, label in batches(split, _BATCH, device=network.device):
            best = network.classify(image).softmax(1).max(1)
            confidence.append(best.values.cpu().double())
            correct.append((best.indices == label).cpu().double())
    sure, right = torch.cat(confidence), torch.cat(correct)
    bins = (sure * _BINS).long().clamp_max(_BINS - 1)
    gaps = torch.zeros(_BINS, dtype=torch.float64).index_add(0, bins, right - sure)
    order = sure.argsort(descending=True)
    kept = [max(1, round(share * len(split))) for share in _COVERAGES]
    return ConfidenceCalibration(
        expected_calibration_error=float(gaps.abs().sum() / len(split)),
        coverage=_COVERAGES,
        error_at_coverage=tuple(float(1 - right[order[:n]].mean()) for n in kept),
        confidence_at_coverage=tuple(float(sure[order[n - 1]]) for n in kept),
    )
