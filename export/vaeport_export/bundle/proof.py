"""Prove a sealed folder before it becomes a bundle: every precision, on the backends that vaeport brings."""

from collections.abc import Callable
from pathlib import Path

from vaeport.bundle.manifest import Manifest
from vaeport.bundle.opening import open_bundle
from vaeport.contract import FP32
from vaeport.errors import CheckFailedError
from vaeport_parity.backends import OWN_BACKENDS
from vaeport_parity.comparison import compare
from vaeport_parity.reporting.report import Report
from vaeport_parity.reporting.sentences import shortcoming

from .subject import subject_of

_NOT_PROOF = {
    "torch-float64": "the yardstick itself",
    "torch-export": "what the graphs were made from",
}
_NOT_PROOF_BELOW_FP32 = {
    **_NOT_PROOF,
    "onnx-reference": "what it answers to some of the probes is in the bounds; to all it takes minutes in float16",
}


def prove(stage: Path, manifest: Manifest, progress: Callable[[str], None]) -> dict[str, Report]:
    """Compare what is sealed with PyTorch, every precision on the backends that vaeport brings."""
    reports = {}
    for precision in manifest.precisions:
        left_out = _NOT_PROOF if precision == FP32 else _NOT_PROOF_BELOW_FP32
        report = compare(
            subject_of(open_bundle(stage), precision, trusted=True),  # our own work, just made
            [name for name in OWN_BACKENDS if name not in left_out],
            isolated=False,
            progress=lambda name, precision=precision: progress(f"parity, {precision}: {name}"),  # type: ignore[misc]
        )
        if not report.holds:
            raise CheckFailedError(f"no bundle was written: {precision}, {shortcoming(report)}")
        reports[precision] = report
    return reports
