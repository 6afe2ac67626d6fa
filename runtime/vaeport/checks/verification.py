"""Prove on this machine that a bundle answers as its original did: its golden vectors, re-run and compared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle.golden import Golden, parse_golden
from ..bundle.opening import Bundle, open_bundle
from ..contract import CLASS_PROBS, GOLDEN_FILE, GRAPHS
from ..errors import BundleError
from ..graph.checking import CheckedGraph
from ..sessions.engine import check_sealed_graph, open_graph, run_session
from ..sessions.session import Providers, SessionOptions, import_onnxruntime, read_providers
from .comparison import error_ratio, flipped_rows, max_abs_error


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
    """Largest absolute difference from the original, float32 or float64, whichever is farther; below float32 from what
    the graph answered when it was made."""
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
    digest: str
    """Digest of the bundle."""
    rows: int
    """Golden rows compared in each graph, at most."""
    checks: tuple[OutputCheck, ...]
    """One a precision, graph and output."""
    yardstick: str = "PyTorch"
    """What float32 graphs are compared with, in words: `PyTorch`, `the given ONNX files`, `the original`."""

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)


BATCHES = (1, 2, 7)
"""Sizes in which the golden rows are run, beside all at once."""


def verify(
    path_or_name: str | os.PathLike[str],
    *,
    device: str = "cpu",
    threads: int | None = None,
    providers: Providers | None = None,
    digest: str | None = None,
    trusted: bool = False,
) -> VerifyReport:
    """Check a bundle's seal, then re-run its golden vectors with onnxruntime, in batches of 1, 2, 7 and all.

    Arguments as of `load`.

    Raises:
        BundleError, SealError: the bundle cannot be read, or is not as it was sealed.
        DeviceError: the requested device would not run.
    """
    bundle = open_bundle(path_or_name, digest=digest)
    manifest = bundle.manifest
    golden = parse_golden(bundle.read(GOLDEN_FILE), manifest.shapes, manifest.precisions)
    options = SessionOptions(device, threads, providers=read_providers(providers))
    checks: list[OutputCheck] = []
    running = device
    for precision in manifest.precisions:
        for graph in GRAPHS:
            rows = len(golden.inputs(graph)[GRAPHS[graph].inputs[0]])
            checked = check_sealed_graph(bundle, graph, precision, rows=rows, trusted=trusted)
            opened = open_graph(bundle, graph, precision, options)
            running = opened.device
            checks += _check_graph(bundle, golden, precision, checked, opened.session)
    rows = max(len(golden.images), len(golden.z))
    return VerifyReport(
        manifest.name,
        running,
        import_onnxruntime().__version__,
        bundle.digest,
        rows,
        tuple(checks),
        manifest.yardstick,
    )


def _check_graph(
    bundle: Bundle, golden: Golden, precision: str, checked: CheckedGraph, session: Any
) -> list[OutputCheck]:
    spec, shapes = checked.spec, bundle.manifest.shapes
    graph, inputs = spec.name, golden.inputs(spec.name)
    tolerances = bundle.manifest.tolerances[precision][graph]
    errors = dict.fromkeys(spec.outputs, 0.0)
    n = len(inputs[spec.inputs[0]])
    flipped = np.zeros(n, bool)
    for rows in _cuts(n, checked.rows):
        checked.check_rows(rows.stop - rows.start)
        try:
            answers = dict(zip(spec.outputs, run_session(session, spec, shapes, _cut(inputs, rows)), strict=True))
        except BundleError:  # a graph that fails is as far off as can be
            errors = dict.fromkeys(spec.outputs, float("inf"))
            continue
        for reference in golden.references(graph, precision):
            expected = _cut(reference, rows)
            for name in spec.outputs:
                errors[name] = max(errors[name], max_abs_error(answers[name], expected[name]))
            if CLASS_PROBS in expected:
                margin = tolerances[CLASS_PROBS].max_abs
                flipped[rows] |= flipped_rows(answers[CLASS_PROBS], expected[CLASS_PROBS], margin=margin)
    return [
        OutputCheck(
            precision,
            graph,
            name,
            errors[name],
            tolerances[name].noise_floor,
            tolerances[name].max_abs,
            int(flipped.sum()) if name == CLASS_PROBS else None,
        )
        for name in spec.outputs
    ]


def _cuts(n: int, most: int) -> Iterator[slice]:
    """All rows at once, or as many as may be, and a dozen batches of each small size: enough to show a baked-in batch.

    An empty batch is not run: a loaded model answers it by itself, since some operators and runtimes cannot.
    """
    for first in range(0, n, most):
        yield slice(first, min(first + most, n))
    for size in BATCHES:
        for first in range(0, min(n, 12 * size), size):
            yield slice(first, min(first + size, n))


def _cut(arrays: Mapping[str, NDArray[Any]], rows: slice) -> dict[str, NDArray[Any]]:
    return {name: values[rows] for name, values in arrays.items()}
