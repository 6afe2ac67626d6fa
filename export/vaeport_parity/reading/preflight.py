"""What reading a graph's file shows before anything runs: reach, and what a path or an operator gives away."""

import re
from collections.abc import Iterator

import onnx
from onnx import ModelProto, NodeProto

from ..judging.report import Finding
from ..reference.evaluator import every_node, is_random
from ..subjects.subject import Subject

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

_TRAINING_INPUT = 2  # of Dropout
_HOST_PATH = re.compile(rb"/(?:home|root|Users|tmp|usr|opt|mnt|workspace)/[\w.\-]+/|[A-Za-z]:\\\\[\w.\-]+\\\\")
_STANDARD = ("", "ai.onnx")


def preflight(subject: Subject) -> list[Finding]:
    """Read the graphs of a subject as files.

    Returns:
        What no graph may have, and for information which onnxruntime versions load them, foreign operators and paths.
    """
    findings: list[Finding] = []
    for graph in subject.graphs:
        model = onnx.load_model_from_string(graph.content)
        findings += [Finding(graph.file, text) for text in _faults(model)]
        findings += [Finding(graph.file, text, wrong=False) for text in _remarks(model, graph.content)]
    return findings


def host_path(content: bytes) -> str:
    """A path of the machine that made a file, named in it; empty where there is none."""
    found = _HOST_PATH.search(content)
    return found.group().decode(errors="replace") if found else ""


def _faults(model: ModelProto) -> Iterator[str]:
    for node in every_node(model):
        if is_random(node) or _is_training_dropout(node):
            yield f"node {node.name or node.output[0]!r} is a {node.op_type}: the graph is not deterministic"


def _is_training_dropout(node: NodeProto) -> bool:
    return node.op_type == "Dropout" and len(node.input) > _TRAINING_INPUT and bool(node.input[_TRAINING_INPUT])


def _remarks(model: ModelProto, content: bytes) -> Iterator[str]:
    yield _reach(model)
    local = {(function.domain, function.name) for function in model.functions}
    foreign = {
        f"{node.domain}.{node.op_type}"
        for node in every_node(model)
        if node.domain not in _STANDARD and (node.domain, node.op_type) not in local
    }
    if foreign:
        yield f"operators outside the standard, which most backends do not have: {', '.join(sorted(foreign))}"
    if path := host_path(content):
        yield f"it names a path of the machine that made it: {path}"


def _reach(model: ModelProto) -> str:
    opset = max((entry.version for entry in model.opset_import if entry.domain in _STANDARD), default=1)
    reach = [version for version, (ir, ops) in _LOADS.items() if model.ir_version <= ir and opset <= ops]
    from_version = f"loads from onnxruntime {reach[0]} on" if reach else "no onnxruntime known here loads it"
    return f"IR {model.ir_version}, opset {opset}: {from_version}"
