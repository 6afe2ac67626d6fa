"""When answers count as wrong: by noise floors, by the fixed tolerances of others, and by a profile of percentiles."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vaeport.checks.comparison import error_ratio, max_abs_error
from vaeport_parity.judging.figures import comparable

BOUNDS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0)
"""Bounds in noise floors that are compared."""

PERCENTILES = (50.0, 90.0, 99.0, 99.9, 100.0)
"""Percentiles of the error of single values that make a profile."""

_LEAST_ROWS = 50  # of a run that calibrates a profile: a median of one row says nothing of the others


@dataclass(frozen=True)
class Rule:
    """A fixed tolerance on each value, as a library has it by default."""

    name: str
    """Short name."""
    source: str
    """Function whose default it is."""
    rtol: float
    """Relative part."""
    atol: float
    """Absolute part."""
    either: bool = False
    """Whether one of both is enough; else they are added."""
    of: Literal["expected", "actual"] = "expected"
    """Which side the relative part is taken of."""

    def excess(self, answers: NDArray[np.floating], native: NDArray[np.floating]) -> float:
        """Largest difference in relation to what the rule allows: above 1 the rule says that the answers are wrong.

        Args:
            answers: float [...].
            native: of the same shape, PyTorch's answers.
        """
        actual, expected = (each.astype(np.float64) for each in comparable(answers, native))
        if actual.shape != expected.shape or not (np.isfinite(actual).all() and np.isfinite(expected).all()):
            return float("inf")
        relative = self.rtol * np.abs(expected if self.of == "expected" else actual)
        allowed = np.maximum(self.atol, relative) if self.either else self.atol + relative
        return float(np.max(np.abs(actual - expected) / allowed, initial=0.0))


RULES = (
    Rule("torch", "torch.testing.assert_close", 1.3e-6, 1e-5),
    Rule("polygraphy", "polygraphy SimpleCompareFunc, elemwise", 1e-5, 1e-5, either=True),
    Rule("optimum", "optimum's validation: numpy.allclose with atol 1e-5", 1e-5, 1e-5, of="actual"),
    Rule("numpy", "numpy.allclose", 1e-5, 1e-8),
    Rule("onnx", "onnx.backend.test.runner", 1e-3, 1e-7),
)
"""Fixed tolerances of others, in float32."""


def floors(
    answers: NDArray[np.floating], native: NDArray[np.floating], exact: NDArray[np.floating], floor: float
) -> float:
    """The larger of the errors against the native and the float64 answers, in noise floors."""
    left, middle, right = comparable(answers, native, exact)
    return error_ratio(max(max_abs_error(left, middle), max_abs_error(left, right)), floor)


def profile(answers: NDArray[np.floating], exact: NDArray[np.floating]) -> NDArray[np.float64]:
    """Percentiles of the absolute error of single values.

    Args:
        answers: float [...].
        exact: float64 of the same shape.
    """
    left, right = comparable(answers, exact)
    errors = np.abs(left.astype(np.float64) - right)
    return np.percentile(errors, PERCENTILES) if np.isfinite(errors).all() else np.full(len(PERCENTILES), np.inf)


def calibrated(runs: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]]) -> NDArray[np.float64]:
    """The largest of each percentile over the reference's own runs of enough rows; a rounding step where it is 0."""
    runs = [(native, exact) for native, exact in runs if len(exact) >= _LEAST_ROWS]
    largest: NDArray[np.float64] = np.max([profile(native, exact) for native, exact in runs], axis=0)
    steps = [float(np.finfo(native.dtype).eps) * float(np.median(np.abs(exact))) for native, exact in runs]
    return np.maximum(largest, max(steps))


def profile_excess(found: NDArray[np.float64], known: NDArray[np.float64]) -> float:
    """The largest ratio of a percentile to the calibrated one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(found > 0, found / known, 0.0)))
