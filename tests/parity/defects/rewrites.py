"""Harmless rewrites: each leaves a graph another one that answers alike but for rounding, and must hold."""

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, version_converter

from vaeport.contract import FP32, GRAPHS

from .editing import (
    DECODER,
    ENCODER,
    Change,
    constants,
    graph,
    made,
    node_of,
    renamed,
    set_weight,
    spliced,
    weight_of,
)
from .kinds import BLOG, CONV, Plant, Rewrite

_RAW_TYPES = (TensorProto.FLOAT, TensorProto.INT64)


def _replaced(model: ModelProto, name: str, nodes: Iterable[NodeProto]) -> None:
    """Put nodes in the place of one."""
    found = node_of(model, name)
    at = list(model.graph.node).index(found)
    kept = [*model.graph.node[:at], *nodes, *model.graph.node[at + 1 :]]
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _units_permuted(model: ModelProto) -> None:
    order = np.random.default_rng(0).permutation(128)
    for name in ("network.decoder.layers.0.weight", "network.decoder.layers.0.bias"):
        set_weight(model, name, weight_of(model, name)[order])
    last = "network.decoder.layers.2.weight"
    set_weight(model, last, weight_of(model, last)[:, order])


def _channels_permuted(model: ModelProto) -> None:
    """The channels between two convolutions of the first tower."""
    order = [3, 1, 0, 2]
    first = "network.classifier.towers.0.features.0.weight"
    for name in (first, f"{first}_bias"):
        set_weight(model, name, weight_of(model, name)[order])
    second = "network.classifier.towers.0.features.3.weight"
    set_weight(model, second, weight_of(model, second)[:, order])


def _product_and_sum(model: ModelProto) -> None:
    for name in [node.name for node in model.graph.node if node.op_type == "Gemm" and len(node.input) == 3]:
        x, w, b = node_of(model, name).input
        (out,) = node_of(model, name).output
        model.graph.initializer.append(numpy_helper.from_array(weight_of(model, w).T.copy(), f"{w}_turned"))
        nodes = [made("MatMul", f"{x} {w}_turned", f"{name}_product"), made("Add", f"{name}_product {b}", out)]
        _replaced(model, name, nodes)


def _split_product(model: ModelProto) -> None:
    """Half of the hidden units each, then the sum."""
    x, w, b = node_of(model, "node_linear_1").input
    values = weight_of(model, w).T
    constants(model, upper=values[:64], lower=values[64:], halves=[64, 64])
    nodes = [
        made("Split", f"{x} halves", "left right", "split_units", axis=1),
        made("MatMul", "left upper", "from_left"),
        made("MatMul", "right lower", "from_right"),
        made("Add", "from_left from_right", "from_both"),
        made("Add", f"from_both {b}", "linear_1", "with_bias"),
    ]
    _replaced(model, "node_linear_1", nodes)


def _sigmoid_spelt_out(model: ModelProto) -> None:
    constants(model, one=1.0)
    nodes = [
        made("Neg", "linear", "opposite"),
        made("Exp", "opposite", "power"),
        made("Add", "power one", "more"),
        made("Reciprocal", "more", "sigmoid", "share"),
    ]
    _replaced(model, "node_sigmoid", nodes)


def _sigmoid_by_tanh(model: ModelProto) -> None:
    constants(model, half=0.5)
    nodes = [
        made("Mul", "linear half", "halved"),
        made("Tanh", "halved", "bent"),
        made("Mul", "bent half", "bent_half"),
        made("Add", "bent_half half", "sigmoid", "risen"),
    ]
    _replaced(model, "node_sigmoid", nodes)


def _softmax_spelt_out(model: ModelProto) -> None:
    constants(model, classes=[1])
    nodes = [
        made("ReduceMax", "linear_1 classes", "largest", keepdims=1),
        made("Sub", "linear_1 largest", "shifted"),
        made("Exp", "shifted", "powers"),
        made("ReduceSum", "powers classes", "total", keepdims=1),
        made("Div", "powers total", "class_probs", "shares"),
    ]
    _replaced(model, "node_softmax", nodes)


def _relu_as_maximum(model: ModelProto) -> None:
    constants(model, nothing=0.0)
    for name in [node.name for node in model.graph.node if node.op_type == "Relu"]:
        node = node_of(model, name)
        node.op_type = "Max"
        node.input.append("nothing")


def _log_softmax_by_logarithm(model: ModelProto) -> None:
    node = node_of(model, "node_log_softmax")
    nodes = [made("Softmax", node.input[0], "soft", axis=1), made("Log", "soft", node.output[0], "log_of_soft")]
    _replaced(model, "node_log_softmax", nodes)


def _names_changed(model: ModelProto) -> None:
    renamed(model.graph)


def _identities(model: ModelProto) -> None:
    for tensor in [name for node in model.graph.node for name in node.output]:
        spliced(model, tensor, [made("Identity", "raw", "cooked", f"pass_{tensor}")])


def _constant_nodes(model: ModelProto) -> None:
    nodes = [
        helper.make_node("Constant", [], [tensor.name], f"constant_{index}", value=tensor)
        for index, tensor in enumerate(model.graph.initializer)
    ]
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *kept])
    del model.graph.initializer[:]


def _dead_nodes(model: ModelProto) -> None:
    constants(model, unused=np.ones((3, 3), np.float32))
    source = model.graph.node[0].output[0]
    model.graph.node.extend([made("Abs", source, "never_read"), made("Exp", "never_read", "never_read_either")])


def _numbers_as_lists(model: ModelProto) -> None:
    """Weights as repeated fields in place of raw bytes."""
    for tensor in model.graph.initializer:
        if tensor.data_type not in _RAW_TYPES:
            continue
        values = numpy_helper.to_array(tensor)
        tensor.CopyFrom(helper.make_tensor(tensor.name, tensor.data_type, tensor.dims, values.ravel().tolist()))


def _other_order(model: ModelProto) -> None:
    """Weights backwards, and the nodes in another order that computes as well: as late as they are needed."""
    weights = list(reversed(model.graph.initializer))
    del model.graph.initializer[:]
    model.graph.initializer.extend(weights)
    makers = {name: node for node in model.graph.node for name in node.output}
    ordered: list[NodeProto] = []

    def visit(name: str) -> None:
        node = makers.get(name)
        if node is not None and not any(node is each for each in ordered):
            for each in reversed(node.input):
                visit(each)
            ordered.append(node)

    for output in reversed(model.graph.output):
        visit(output.name)
    copies = [NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _in_a_function(model: ModelProto) -> None:
    first, second = node_of(model, "node_linear"), node_of(model, "node_sigmoid")
    body = [
        made("Gemm", "x w b", "h", "inner_gemm", transB=1, alpha=1.0, beta=1.0),
        made("Sigmoid", "h", "y", "inner_sigmoid"),
    ]
    model.functions.append(
        helper.make_function("local", "Hidden", ["x", "w", "b"], ["y"], body, [helper.make_opsetid("", 18)])
    )
    model.opset_import.append(helper.make_opsetid("local", 1))
    call = helper.make_node("Hidden", list(first.input), list(second.output), "call_hidden", domain="local")
    _replaced(model, "node_sigmoid", [call])
    _replaced(model, "node_linear", [])


def _weights_turned(model: ModelProto) -> None:
    for node in model.graph.node:
        if node.op_type == "Gemm":
            set_weight(model, node.input[1], weight_of(model, node.input[1]).T)
            next(each for each in node.attribute if each.name == "transB").i = 0


def _scale_moved(model: ModelProto) -> None:
    """Weights of twice the size, and half of their product."""
    node = node_of(model, "node_linear_1")
    set_weight(model, node.input[1], weight_of(model, node.input[1]) * np.float32(2))
    next(each for each in node.attribute if each.name == "alpha").f = 0.5


def _flatten_for_reshape(model: ModelProto) -> None:
    node = node_of(model, "node_Reshape_19")
    del node.attribute[:]
    node.op_type = "Flatten"
    del node.input[1:]


def _dense_as_convolution(model: ModelProto) -> None:
    x, w, b = node_of(model, "node_linear").input
    constants(model, kernel=weight_of(model, w)[:, :, None, None], flat=[0, -1])
    nodes = [
        made("Reshape", f"{x} plane_shape", "as_plane"),
        made("Conv", f"as_plane kernel {b}", "as_planes"),
        made("Reshape", "as_planes flat", "linear", "flattened"),
    ]
    constants(model, plane_shape=[-1, weight_of(model, w).shape[1], 1, 1])
    _replaced(model, "node_linear", nodes)


def _through_double(model: ModelProto) -> None:
    nodes = [made("Cast", "raw", "double", "to_double", to=11), made("Cast", "double", "cooked", "to_single", to=1)]
    spliced(model, "linear", nodes)


def _padding_apart(model: ModelProto) -> None:
    node = node_of(model, "node_conv2d_7")
    source = node.input[0]
    next(each for each in node.attribute if each.name == "pads").ints[:] = [0, 0, 0, 0]
    constants(model, margins=[0, 0, 1, 1, 0, 0, 1, 1])
    kept = NodeProto.FromString(node.SerializeToString())
    kept.input[0] = "padded"
    _replaced(model, "node_conv2d_7", [made("Pad", f"{source} margins", "padded"), kept])


def _other_words(model: ModelProto) -> None:
    model.producer_name, model.producer_version, model.doc_string = "somebody", "9", "made elsewhere"
    model.graph.name, model.graph.doc_string = "other", "text"
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.doc_string = "a node"
        del node.metadata_props[:]


def _opset(version: int) -> Change:
    def change(model: ModelProto) -> None:
        props = list(model.metadata_props)
        model.CopyFrom(version_converter.convert_version(model, version))
        del model.metadata_props[:]
        model.metadata_props.extend(props)

    return change


def _opset_said_to_be(version: int) -> Change:
    def change(model: ModelProto) -> None:
        model.opset_import[0].version = version

    return change


def _shapes_inferred(model: ModelProto) -> None:
    model.CopyFrom(onnx.shape_inference.infer_shapes(model))


def _by_onnxslim(model: ModelProto) -> None:
    model.CopyFrom(importlib.import_module("onnxslim").slim(model))


def _by_onnxsim(model: ModelProto) -> None:
    simplified, sound = importlib.import_module("onnxsim").simplify(model)
    assert sound
    model.CopyFrom(simplified)


def _by_onnxscript(model: ModelProto) -> None:
    import onnxscript.optimizer

    model.CopyFrom(onnxscript.optimizer.optimize(model))


def _by_onnxruntime(name: str, precision: str = FP32) -> Plant:
    """What onnxruntime writes after its basic rewriting, with what the file says of itself."""

    def plant(folder: Path) -> None:
        path = folder / GRAPHS[name].file(precision)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path.with_suffix(".new"))
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        model, old = onnx.load(path.with_suffix(".new")), onnx.load(path)
        del model.metadata_props[:]
        model.metadata_props.extend(old.metadata_props)
        used = {node.domain for node in model.graph.node}
        kept = [each for each in model.opset_import if each.domain in used | {""}]
        del model.opset_import[:]
        model.opset_import.extend(kept)
        path.with_suffix(".new").unlink()
        path.write_bytes(model.SerializeToString())

    return plant


def _of(
    name: str, change: Change, *, of: str = DECODER, base: str = BLOG, precision: str = FP32, needs: str = ""
) -> Rewrite:
    return Rewrite(name, base, graph(change, of, precision), precision, needs=needs)


def _foreign(name: str, change: Callable[[ModelProto], Any], network: str) -> Rewrite:
    return Rewrite(name, network, graph(change))


REWRITES = [
    _of("hidden units permuted", _units_permuted),
    _of("channels permuted", _channels_permuted, base=CONV, of=ENCODER),
    _of("products and sums apart", _product_and_sum),
    _of("products and sums of the encoder apart", _product_and_sum, of=ENCODER),
    _of("a product split in two", _split_product),
    _of("sigmoid spelt out", _sigmoid_spelt_out),
    _of("sigmoid by the hyperbolic tangent", _sigmoid_by_tanh),
    _of("softmax spelt out", _softmax_spelt_out, of=ENCODER),
    _of("Relu as a maximum", _relu_as_maximum, base=CONV, of=ENCODER),
    _of("LogSoftmax by a logarithm", _log_softmax_by_logarithm, base=CONV, of=ENCODER),
    _of("everything renamed", _names_changed),
    _of("everything renamed", _names_changed, base=CONV, of=ENCODER),
    _of("Identity behind every node", _identities),
    _of("Identity behind every node", _identities, base=CONV),
    _of("constants for initializers", _constant_nodes),
    _of("dead nodes", _dead_nodes),
    _of("weights as lists of numbers", _numbers_as_lists),
    _of("nodes and weights in another order", _other_order, of=ENCODER),
    _of("nodes and weights in another order", _other_order, base=CONV),
    _of("a layer in a function", _in_a_function),
    _of("weights turned", _weights_turned),
    _of("a factor of two moved", _scale_moved),
    _of("Flatten for Reshape", _flatten_for_reshape, of=ENCODER),
    _of("a dense layer as a convolution", _dense_as_convolution),
    _of("a tensor through float64", _through_double),
    _of("padding as a node of its own", _padding_apart, base=CONV, of=ENCODER),
    _of("other words of the producer", _other_words),
    _of("opset 20", _opset(20)),
    _of("opset 17", _opset(17), base=CONV),
    _of("opset 14", _opset_said_to_be(14)),
    _of("shapes inferred", _shapes_inferred, base=CONV),
    _of("onnxscript's optimiser", _by_onnxscript),
    _of("onnxslim", _by_onnxslim, needs="onnxslim"),
    _of("onnxslim", _by_onnxslim, base=CONV, of=ENCODER, needs="onnxslim"),
    _of("onnxsim", _by_onnxsim, needs="onnxsim"),
    _of("onnxsim", _by_onnxsim, base=CONV, of=ENCODER, needs="onnxsim"),
    Rewrite("saved by onnxruntime", BLOG, _by_onnxruntime(ENCODER)),
    Rewrite("saved by onnxruntime", CONV, _by_onnxruntime(DECODER)),
    _of("everything renamed", _names_changed, precision="fp16"),
    _of("Identity behind every node", _identities, precision="fp16"),
    _of("everything renamed", _names_changed, precision="int8"),
    _of("nodes and weights in another order", _other_order, precision="int8", of=ENCODER),
    _foreign("everything renamed", _names_changed, "sketch-encoder"),
    _foreign("Identity behind every node", _identities, "recommender"),
    _foreign("constants for initializers", _constant_nodes, "transformer"),
    _foreign("dead nodes", _dead_nodes, "wavenet"),
]
"""All of these."""
