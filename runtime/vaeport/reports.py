"""What `verify` answers with."""

from __future__ import annotations

from dataclasses import dataclass

from .comparison import error_ratio


@dataclass(frozen=True)
class OutputCheck:
    """One output of one graph against what it must be."""

    precision: str
    """Precision of the graphs, `fp32` for instance."""
    graph: str
    """Name of the graph."""
    output: str
    """Name of the output."""
    max_abs_error: float
    """Largest absolute difference from PyTorch, float32 or float64, whichever is farther; below float32 from what the
    graph answered when it was made."""
    noise_floor: float
    """Rounding alone, as the manifest has it."""
    tolerance: float
    """Bound that the manifest sets."""
    class_flips: int | None = None
    """Rows whose class changed; None where the output is no class."""

    @property
    def ratio(self) -> float:
        """The error in noise floors."""
        return error_ratio(self.max_abs_error, self.noise_floor)

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance and no class flipped."""
        return self.max_abs_error <= self.tolerance and not self.class_flips


@dataclass(frozen=True)
class VerifyReport:
    """Outcome of `verify`."""

    bundle: str
    """Name of the bundle."""
    device: str
    """Device that ran."""
    onnxruntime: str
    """Version that ran."""
    rows: int
    """Golden rows compared in each graph, at most."""
    checks: tuple[OutputCheck, ...]
    """One a precision, graph and output."""

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)
