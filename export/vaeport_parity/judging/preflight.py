"""What reading the files shows before anything runs: contract, reach, and what a path or an operator gives away."""

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import torch
from onnx import ModelProto

from vaeport.bundle.golden import parse_golden
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS, IMAGE, GraphSpec, graph_metadata
from vaeport_export.bundle.original import torch_answers
from vaeport_export.bundle.subject import Subject
from vaeport_export.graph.checking import graph_faults

from ..reporting.report import Finding, ParityRow

_LOADS = {
    "1.14": (8, 18),
    "1.16": (9, 19),
    "1.17": (9, 20),
    "1.20": (10, 21),
    "1.22": (10, 22),
    "1.23": (11, 23),
    "1.27": (13, 26),
}
"""Highest IR version and opset that an onnxruntime loads: its published table, and by trial from 1.22 on."""


def preflight(subject: Subject) -> list[Finding]:
    """Read both graphs of a bundle as files.

    Returns:
        What breaks the contract, and for information which onnxruntime versions load them.
    """
    findings: list[Finding] = []
    for graph, spec in GRAPHS.items():
        content = subject.onnx(graph)
        model = onnx.load_model_from_string(content)
        findings += [Finding(subject.file(graph), text) for text in _faults(model, content, spec, subject)]
        findings.append(Finding(subject.file(graph), _reach(model), wrong=False))
    return findings


def golden_findings(subject: Subject, rows: Sequence[ParityRow]) -> list[Finding]:
    """What is wrong with the recorded answers, where their rows do not hold.

    Args:
        subject: the bundle with its checkpoint.
        rows: rows of the report, those of `golden.npz` among them.
    """
    wrong = {row.graph for row in rows if row.backend == GOLDEN_FILE and not row.holds}
    if subject.precision == FP32 and wrong == {ENCODER_CLASSIFIER} and _recorded_by_256(subject):
        return [Finding(GOLDEN_FILE, "its answers are to pixels divided by 256; the contract divides by 255")]
    whose = "the checkpoint's" if subject.precision == FP32 else f"those of the {subject.precision} file"
    return [Finding(GOLDEN_FILE, f"its answers of {graph} are not {whose}") for graph in sorted(wrong)]


def _recorded_by_256(subject: Subject) -> bool:
    golden = parse_golden(subject.bundle.read(GOLDEN_FILE), subject.bundle.manifest.shapes)
    images = golden.images.astype(np.float32) / np.float32(256)
    expected = torch_answers(subject.module(ENCODER_CLASSIFIER), ENCODER_CLASSIFIER, {IMAGE: images}, torch.float64)
    return all(
        max_abs_error(golden.answers[ENCODER_CLASSIFIER]["float64"][name], values)
        <= subject.bundle.manifest.tolerances[FP32][ENCODER_CLASSIFIER][name].max_abs
        for name, values in expected.items()
    )


def _faults(model: ModelProto, content: bytes, spec: GraphSpec, subject: Subject) -> Iterator[str]:
    manifest = subject.bundle.manifest
    metadata = graph_metadata(spec, bundle=manifest.name, labels=manifest.labels, shapes=manifest.shapes)
    yield from graph_faults(model, content, spec, manifest.shapes, precision=subject.precision, metadata=metadata)


def _reach(model: ModelProto) -> str:
    opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    reach = [version for version, (ir, ops) in _LOADS.items() if model.ir_version <= ir and opset <= ops]
    from_version = f"loads from onnxruntime {reach[0]} on" if reach else "no onnxruntime known here loads it"
    return f"IR {model.ir_version}, opset {opset}: {from_version}"
