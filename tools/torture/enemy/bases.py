"""The bundles that hostile ones begin with: the tiny one, and a convolutional pair with quantised steps."""

from __future__ import annotations

import functools

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vaeport.contract import (
    BATCH,
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    FP32,
    GRAPHS,
    IMAGE,
    Shapes,
    Z,
    graph_metadata,
)

from .bundle import TINY, Files, read_files, sealed

_SHAPES, _LABELS = Shapes((1, 4, 4), 2, 3), ("cat", "dog", "owl")
_OPSET, _IR_VERSION = 18, 8


@functools.cache
def small_base() -> Files:
    """The tiny bundle without its standard test cases, which the runtime never reads: half its files."""
    return sealed({name: content for name, content in read_files(TINY).items() if "/test_data_set_" not in name})


@functools.cache
def second_base() -> Files:
    """The tiny bundle with other graphs; its recorded answers are not theirs."""
    graphs = {ENCODER_CLASSIFIER: _encoder(), DECODER: _decoder()}
    contents = {GRAPHS[graph].file(FP32): model.SerializeToString() for graph, model in graphs.items()}
    return sealed({**small_base(), **contents})


def _weights(*shape: int) -> TensorProto:
    size = int(np.prod(shape))
    return numpy_helper.from_array(np.linspace(-1, 1, size, dtype=np.float32).reshape(shape))


def _encoder() -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("Conv", [IMAGE, "kernel", "bias"], ["conv"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        node("BatchNormalization", ["conv", "one", "zero", "zero", "one"], ["normal"], epsilon=1e-5),
        node("LeakyRelu", ["normal"], ["active"], alpha=0.1),
        node("MaxPool", ["active"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        node("QuantizeLinear", ["pooled", "scale", "point"], ["quantised"]),
        node("DequantizeLinear", ["quantised", "scale", "point"], ["restored"]),
        node("Flatten", ["restored"], ["flat"], axis=1),
        node("Gemm", ["flat", "dense", "four"], ["both"], transB=1),
        node("Split", ["both", "halves"], ["z_mean", "log"], axis=1),
        node("Clip", ["log", "low", "high"], ["z_logvar"]),
        node("MatMul", ["flat", "classes"], ["logits"]),
        node("Softmax", ["logits"], [CLASS_PROBS], axis=-1),
    ]
    constants = {
        "kernel": _weights(2, 1, 3, 3),
        "bias": _weights(2),
        "one": numpy_helper.from_array(np.ones(2, np.float32)),
        "zero": numpy_helper.from_array(np.zeros(2, np.float32)),
        "scale": numpy_helper.from_array(np.array(0.05, np.float32)),
        "point": numpy_helper.from_array(np.array(3, np.int8)),
        "dense": _weights(4, 8),
        "four": _weights(4),
        "halves": numpy_helper.from_array(np.array([2, 2])),
        "low": numpy_helper.from_array(np.array(-9, np.float32)),
        "high": numpy_helper.from_array(np.array(9, np.float32)),
        "classes": _weights(8, 3),
    }
    return _model(ENCODER_CLASSIFIER, nodes, constants)


def _decoder() -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("Concat", [Z, CLASS_PROBS], ["code"], axis=1),
        node("Gemm", ["code", "dense", "eight"], ["wide"]),
        node("LayerNormalization", ["wide", "gain"], ["even"], axis=-1),
        node("Shape", [Z], ["sizes"]),
        node("Gather", ["sizes", "first"], ["rows"], axis=0),
        node("Concat", ["rows", "square"], ["shape"], axis=0),
        node("Reshape", ["even", "shape"], ["small"]),
        node("Resize", ["small", "", "scales"], ["larger"], mode="nearest"),
        node("ConvTranspose", ["small", "kernel"], ["turned"], kernel_shape=[2, 2], strides=[2, 2]),
        node("ReduceMean", ["larger", "channel"], ["mean"], keepdims=1),
        node("Add", ["turned", "mean"], ["sum"]),
        node("Sigmoid", ["sum"], [IMAGE]),
    ]
    constants = {
        "dense": _weights(5, 8),
        "eight": _weights(8),
        "gain": numpy_helper.from_array(np.ones(8, np.float32)),
        "first": numpy_helper.from_array(np.array([0])),
        "square": numpy_helper.from_array(np.array([2, 2, 2])),
        "scales": numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32)),
        "kernel": _weights(2, 1, 2, 2),
        "channel": numpy_helper.from_array(np.array([1])),
    }
    return _model(DECODER, nodes, constants)


def _model(graph: str, nodes: list[onnx.NodeProto], constants: dict[str, TensorProto]) -> onnx.ModelProto:
    spec = GRAPHS[graph]

    def values(names: tuple[str, ...]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *_SHAPES.row(name)]) for name in names]

    for name, tensor in constants.items():
        tensor.name = name
    model = helper.make_model(
        helper.make_graph(nodes, graph, values(spec.inputs), values(spec.outputs), list(constants.values())),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, graph_metadata(spec, bundle="tiny", labels=_LABELS, shapes=_SHAPES))
    return model
