"""Runtimes that share no code with PyTorch or onnxruntime, and which of them confirm a network."""

import os

import pytest

from vaeport_parity import Report

ENVIRONMENTS_VARIABLE = "VAEPORT_PARITY_ENVIRONMENTS"
"""Names the folder of the runtimes' environments."""

INDEPENDENT = ("openvino", "tract", "mnn", "ncnn", "iree", "tvm", "litert", "jax", "tinygrad", "opencv")
"""By their names in vaeport-parity."""

FEWEST = 5
"""So many must confirm a network for it to be called proven."""

needs_environments = pytest.mark.skipif(
    ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments to try"
)
"""Marks tests of runtimes that are installed in environments of their own."""


def confirming(report: Report) -> set[str]:
    """Backends whose every answer is within its tolerance."""
    return {row.backend for row in report.rows if all(other.holds for other in report.of(row.backend))}
