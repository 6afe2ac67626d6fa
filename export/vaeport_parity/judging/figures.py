"""How far one output is from its reference: the largest error that decides, and the spread that explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.checks.comparison import max_abs_error, psnr

ULP_EDGES = (1, 2, 4, 8, 16, 64, 256)
"""Lower edges of the histogram's bins but the first, which counts exact answers."""


@dataclass(frozen=True)
class Figures:
    """Errors of one output over many rows."""

    error_float32: float
    """Largest absolute difference from the native reference."""
    error_float64: float
    """Largest absolute difference from the float64 reference."""
    max_relative: float
    """Largest difference from the float64 reference in relation to the largest value of its row."""
    median: float
    """Median absolute difference from the float64 reference."""
    percentile_999: float
    """Absolute difference from the float64 reference that 99.9 % of the values stay within."""
    ulps: tuple[int, ...]
    """Values by distance in float32 steps from the float64 reference rounded: exact, then from each of `ULP_EDGES`."""
    psnr: float
    """Peak signal-to-noise ratio against the float64 reference in dB, for a peak of 1; infinite for exact answers."""

    @property
    def max_abs(self) -> float:
        """The larger of both errors."""
        return max(self.error_float32, self.error_float64)


def figures(
    parts: Sequence[tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]],
    *,
    native: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]] = (),
) -> Figures:
    """Figures of one output.

    Args:
        parts: for each input set the answers, the native reference and the float64 reference, float [N, ...] each.
        native: answers and the native reference where float64 answers were not computed; they count in
            `error_float32` alone.
    """
    parts = [
        (np.atleast_1d(answers), np.atleast_1d(single), np.atleast_1d(double)) for answers, single, double in parts
    ]
    pairs = [*((answers, single) for answers, single, _ in parts), *native]
    error_float32 = max((max_abs_error(answers, single) for answers, single in pairs), default=0.0)
    error_float64 = max((max_abs_error(answers, double) for answers, _, double in parts), default=0.0)
    sound = [(answers, double) for answers, _, double in parts if np.isfinite(max_abs_error(answers, double))]
    if len(sound) < len(parts) or not sum(answers.size for answers, _ in sound):
        worst = float("inf") if len(sound) < len(parts) else 0.0
        decibels = -worst if worst else float("inf")
        return Figures(error_float32, error_float64, worst, worst, worst, (0,) * (len(ULP_EDGES) + 1), decibels)
    given, exact = (np.concatenate([pair[side].ravel().astype(np.float64) for pair in sound]) for side in (0, 1))
    differences = np.abs(given - exact)
    relative = max(_relative(answers, double) for answers, double in sound)
    distances = np.concatenate([ulp_distance(answers, double).ravel() for answers, double in sound])
    histogram = np.histogram(distances, bins=[0, *ULP_EDGES, np.inf])[0]
    return Figures(
        error_float32,
        error_float64,
        relative,
        float(np.median(differences)),
        float(np.quantile(differences, 0.999)),
        tuple(int(count) for count in histogram),
        psnr(given, exact),
    )


def comparable(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The arrays with 0 wherever all of them have the same infinity or all are no number: such answers agree.

    Args:
        arrays: of one shape; others are given back as they are.
    """
    if any(each.shape != arrays[0].shape or each.dtype.kind in "biu" for each in arrays):
        return arrays
    if all(np.isfinite(each).all() for each in arrays):
        return arrays
    first = arrays[0]
    alike = ~np.isfinite(first)
    for each in arrays[1:]:
        alike &= (np.isnan(each) & np.isnan(first)) | (each == first)
    return tuple(np.where(alike, np.zeros((), each.dtype), each) for each in arrays)


def ulp_distance(answers: NDArray[np.floating], exact: NDArray[np.floating]) -> NDArray[np.int64]:
    """Float32 numbers that lie between two arrays' values, after both are rounded to float32.

    Args:
        answers: float [...], finite.
        exact: float of the same shape, finite.

    Returns:
        int64 of the same shape; 0 for equal values, 0 and -0 being equal.
    """
    distance: NDArray[np.int64] = np.abs(_ordered(answers) - _ordered(exact))
    return distance


def _ordered(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Whole numbers in the order of float32 numbers, neighbours one apart."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32).astype(np.int64)
    ordered: NDArray[np.int64] = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    return ordered


def _relative(answers: NDArray[np.floating], double: NDArray[np.floating]) -> float:
    """Differences in relation to the largest value of each row: a value near 0 beside large ones is not blamed."""
    if not len(answers):
        return 0.0
    axes = tuple(range(1, answers.ndim))
    largest = np.max(np.abs(double), axis=axes)
    difference = np.max(np.abs(answers.astype(np.float64) - double), axis=axes)
    return float(np.max(np.divide(difference, largest, out=np.zeros_like(difference), where=largest > 0)))
