"""How far answers are from what they should be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def max_abs_error(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Largest absolute difference, taken in float64; infinite where shapes differ or a number is not finite.

    Args:
        actual: float [...].
        expected: float of the same shape; an empty array has no error.
    """
    if actual.shape != expected.shape:
        return float("inf")
    if not actual.size:
        return 0.0
    if not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return float("inf")
    return float(np.max(np.abs(actual.astype(np.float64) - expected.astype(np.float64))))


def psnr(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Peak signal-to-noise ratio of values in [0, 1], in dB; infinite where they are equal.

    Args:
        actual: float [...].
        expected: float of the same shape.
    """
    square = float(np.mean((actual.astype(np.float64) - expected) ** 2)) if actual.size else 0.0
    return float(-10 * np.log10(square)) if square else float("inf")


def error_ratio(error: float, noise_floor: float) -> float:
    """An error in noise floors; 0 for no error, infinite for an error where there is no noise."""
    if not error:
        return 0.0
    return error / noise_floor if noise_floor else float("inf")


def flipped_rows(probs: NDArray[np.floating], expected: NDArray[np.floating], *, margin: float) -> NDArray[np.bool_]:
    """Which rows have another most probable class, ties within the tolerance apart.

    Args:
        probs: float [N, K].
        expected: float [N, K], the reference.
        margin: a row counts only where the reference's best class leads by more than this.

    Returns:
        bool [N]; all rows where the shapes differ.
    """
    if probs.shape != expected.shape:
        return np.ones(len(expected), bool)
    rows = np.arange(len(expected))
    lead = expected[rows, expected.argmax(axis=1)] - expected[rows, probs.argmax(axis=1)]
    flipped: NDArray[np.bool_] = lead > margin
    return flipped
