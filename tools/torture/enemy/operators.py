"""Nodes of every standard operator with inputs that fit them, from the test cases that come with onnx."""

from __future__ import annotations

import functools
import random
import warnings
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_MOST_BYTES = 20_000
_NEWEST_OPSET = 24
_ADDABLE = (TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.DOUBLE)

UNARY = (
    *("Abs", "Neg", "Exp", "Log", "Sqrt", "Relu", "Tanh", "Erf", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish"),
    *("Mish", "Softplus", "Softsign", "Ceil", "Floor", "Round", "Sign", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh"),
    *("Asinh", "Identity", "Dropout", "LeakyRelu", "ThresholdedRelu", "Clip", "Reciprocal", "Sigmoid", "Softmax"),
    *("LogSoftmax", "Hardmax", "LpNormalization", "MeanVarianceNormalization", "Acos", "Acosh", "Asin", "Atanh"),
    *("Not", "IsNaN", "Flatten", "Shape", "Size", "NonZero", "Transpose", "Det", "GlobalMaxPool", "ReduceMax"),
    *("Bernoulli", "RandomNormalLike", "EyeLike", "Cast", "Unique", "Compress", "Optional", "SequenceConstruct"),
)
"""Operators of one tensor; most keep its shape."""


@dataclass(frozen=True)
class Recorded:
    """One node, and tensors that it takes."""

    node: onnx.NodeProto
    inputs: tuple[TensorProto, ...]
    opset: int


@functools.cache
def recorded_nodes() -> tuple[Recorded, ...]:
    """The single-node test cases of onnx whose inputs are small tensors, in the order of their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases are computed by numpy, infinities and all
        from onnx.backend.test.case.node import collect_testcases

        cases = sorted(collect_testcases(None), key=lambda case: case.name)
    found = []
    for case in cases:
        if (model := case.model) is None or len(model.graph.node) != 1:
            continue
        opsets = {opset.domain: opset.version for opset in model.opset_import}
        if set(opsets) != {""} or opsets[""] > _NEWEST_OPSET or not case.data_sets:
            continue
        values = case.data_sets[0][0]
        if all(isinstance(value, np.ndarray | np.generic) for value in values):
            tensors = tuple(numpy_helper.from_array(np.asarray(value)) for value in values)
            if sum(tensor.ByteSize() for tensor in tensors) < _MOST_BYTES:
                found.append(Recorded(model.graph.node[0], tensors, opsets[""]))
    return tuple(found)


def graft(model: onnx.ModelProto, recorded: Recorded, dice: random.Random) -> onnx.NodeProto:
    """Put a node beside a graph's own, so that the last output depends on it.

    At times its first input depends on the graph's first input, so that it runs with every batch and is not folded.

    Args:
        model: changed in place.
        recorded: the node and its inputs.
        dice: random numbers of this case.

    Returns:
        The node as it stands in the graph.
    """
    graph = model.graph
    stem = f"graft{len(graph.node)}"
    for opset in model.opset_import:
        opset.version = max(opset.version, recorded.opset)
    node = onnx.NodeProto()
    node.CopyFrom(recorded.node)
    present = [place for place, name in enumerate(node.input) if name]
    for place, tensor in zip(present, recorded.inputs, strict=False):
        named = onnx.TensorProto()
        named.CopyFrom(tensor)
        named.name = node.input[place] = f"{stem}.input{place}"
        graph.initializer.append(named)
    for place, name in enumerate(node.output):
        node.output[place] = f"{stem}.output{place}" if name else ""
    before: list[onnx.NodeProto] = []
    if present and recorded.inputs and recorded.inputs[0].data_type in _ADDABLE and dice.random() < 0.6:
        before = _tie_to_input(graph, node, present[0], recorded.inputs[0].data_type, stem)
    after = _add_to_output(graph, next(name for name in node.output if name), stem)
    nodes = [*before, node, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    placed: onnx.NodeProto = graph.node[len(before)]
    return placed


def _tie_to_input(
    graph: onnx.GraphProto, node: onnx.NodeProto, place: int, data_type: int, stem: str
) -> list[onnx.NodeProto]:
    """Nodes that add nothing, computed from the graph's first input, to an input of the node."""
    graph.initializer.append(helper.make_tensor(f"{stem}.nothing", TensorProto.FLOAT, [], [0.0]))
    tied = [
        helper.make_node("ReduceSum", [graph.input[0].name], [f"{stem}.sum"], keepdims=0),
        helper.make_node("Mul", [f"{stem}.sum", f"{stem}.nothing"], [f"{stem}.product"]),
        helper.make_node("Cast", [f"{stem}.product"], [f"{stem}.cast"], to=data_type),
        helper.make_node("Add", [node.input[place], f"{stem}.cast"], [f"{stem}.tied"]),
    ]
    node.input[place] = f"{stem}.tied"
    return tied


def _add_to_output(graph: onnx.GraphProto, name: str, stem: str) -> list[onnx.NodeProto]:
    """Nodes that add a tensor, times nothing, to the graph's last output."""
    output = graph.output[-1].name
    for node in graph.node:
        for place, made in enumerate(node.output):
            if made == output:
                node.output[place] = f"{stem}.before"
        for place, taken in enumerate(node.input):
            if taken == output:
                node.input[place] = f"{stem}.before"
    graph.initializer.append(helper.make_tensor(f"{stem}.zero", TensorProto.FLOAT, [], [0.0]))
    return [
        helper.make_node("Cast", [name], [f"{stem}.float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", [f"{stem}.float"], [f"{stem}.total"], keepdims=0),
        helper.make_node("Mul", [f"{stem}.total", f"{stem}.zero"], [f"{stem}.none"]),
        helper.make_node("Add", [f"{stem}.before", f"{stem}.none"], [output]),
    ]
