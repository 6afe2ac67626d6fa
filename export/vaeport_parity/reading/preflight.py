"""What reading a graph's file shows before anything runs: reach, and what a path or an operator gives away."""

import re
from collections.abc import Iterator, Mapping

import onnx
from onnx import ModelProto, NodeProto, numpy_helper

from ..judging.report import Finding
from ..reference.evaluator import every_node, is_random
from ..subjects.subject import Subject
from .batch_size import batch_dependences
from .canonical import STANDARD

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
_HOST_PATHS = (  # each begins with a certain letter, so that megabytes of weights are passed over quickly
    re.compile(rb"/(?:home|root|Users|tmp|usr|opt|mnt|workspace)/[\w.\-]+/"),
    re.compile(rb":(?<=[A-Za-z]:)\\\\[\w.\-]+\\\\"),
)
_ONNXRUNTIME = "com.microsoft"
_BESIDE = ("ai.onnx.ml",)  # of the standard too, and onnxruntime has it


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
        if subject.fresh is None:  # else told against it
            findings += [Finding(graph.file, each.text, wrong=False) for each in batch_dependences(model)]
    return findings


def foreign_operators(model: ModelProto) -> list[str]:
    """Operators outside the standard that are no functions of the file, as `domain.Operator`, sorted."""
    return sorted({f"{node.domain}.{node.op_type}" for node in _foreign_nodes(model)})


def _foreign_nodes(model: ModelProto) -> Iterator[NodeProto]:
    local = {(function.domain, function.name) for function in model.functions}
    for node in every_node(model):
        if node.domain not in STANDARD and (node.domain, node.op_type) not in local:
            yield node


def host_path(content: bytes) -> str:
    """A path of the machine that made a file, named in it; empty where there is none."""
    for pattern in _HOST_PATHS:
        if found := pattern.search(content):
            drive = found.group().startswith(b":")
            return content[found.start() - drive : found.end()].decode(errors="replace")
    return ""


def _faults(model: ModelProto) -> Iterator[str]:
    constants = {tensor.name: bool(numpy_helper.to_array(tensor).any()) for tensor in model.graph.initializer}
    for node in every_node(model):
        if is_random(node) or _is_training_dropout(node, constants):
            yield f"node {node.name or node.output[0]!r} is a {node.op_type}: the graph is not deterministic"
        elif _is_training_norm(node):
            yield (
                f"node {node.name or node.output[0]!r} is a {node.op_type} in training mode: its answers depend on the "
                "rest of the batch"
            )


def _is_training_dropout(node: NodeProto, constants: Mapping[str, bool]) -> bool:
    """Whether a Dropout may drop: its training mode is given, and is no constant False."""
    given = node.input[_TRAINING_INPUT] if len(node.input) > _TRAINING_INPUT else ""
    return node.op_type == "Dropout" and bool(given) and constants.get(given, True)


def _is_training_norm(node: NodeProto) -> bool:
    """Whether a BatchNormalization takes its mean and variance from the batch."""
    return node.op_type == "BatchNormalization" and any(
        attribute.name == "training_mode" and attribute.i for attribute in node.attribute
    )


def _remarks(model: ModelProto, content: bytes) -> Iterator[str]:
    yield _reach(model)
    if foreign := foreign_operators(model):
        yield f"operators outside the standard, which most backends do not have: {', '.join(foreign)}"
    if path := host_path(content):
        yield f"it names a path of the machine that made it: {path}"


def _reach(model: ModelProto) -> str:
    opset = max((entry.version for entry in model.opset_import if entry.domain in STANDARD), default=1)
    reach = [version for version, (ir, ops) in _LOADS.items() if model.ir_version <= ir and opset <= ops]
    domains = sorted({node.domain for node in _foreign_nodes(model)} - set(_BESIDE))
    if strange := [domain for domain in domains if domain.partition(".nchwc")[0] != _ONNXRUNTIME]:
        loads = f"loads only where a runtime has the operators of {', '.join(strange)}"
    elif domains:
        loads = f"loads in onnxruntime alone, and only in versions that have its own operators of {', '.join(domains)}"
    else:
        loads = f"loads from onnxruntime {reach[0]} on" if reach else "no onnxruntime known here loads it"
    return f"IR {model.ir_version}, opset {opset}: {loads}"
