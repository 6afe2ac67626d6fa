"""Defects of float32 graphs in what is computed on every row: weights, biases, attributes, operators, wiring."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from .editing import (
    DECODER,
    ENCODER,
    Change,
    attribute,
    both,
    constants,
    entry,
    graph,
    made,
    node_of,
    operator,
    renamed,
    set_weight,
    spliced,
    weight,
    weight_of,
)
from .kinds import BLOG, CONV, SHIPPED, Defect

_LAST, _LAST_BIAS = "network.decoder.layers.2.weight", "network.decoder.layers.2.bias"
_CLASSES, _CLASSES_BIAS = "network.classifier.layers.2.weight", "network.classifier.layers.2.bias"
_FIRST = "network.encoder.layers.0.weight"
_LATENT, _LATENT_BIAS = "network.encoder.layers.2.weight", "network.encoder.layers.2.bias"
_MIX = "network.decoder.mix.weight"


def _row(index: int, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def changed(values: NDArray[Any]) -> NDArray[Any]:
        values[index] = change(values[index])
        return values

    return changed


def _swapped(first: int, second: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def changed(values: NDArray[Any]) -> NDArray[Any]:
        values[[first, second]] = values[[second, first]]
        return values

    return changed


def _exchanged_outputs(model: ModelProto) -> None:
    names = {"z_mean": "z_logvar", "z_logvar": "z_mean"}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _exchanged_inputs(node: str) -> Change:
    def change(model: ModelProto) -> None:
        found = node_of(model, node)
        found.input[:] = list(reversed(found.input))

    return change


def _reads(node: str, index: int, tensor: str) -> Change:
    def change(model: ModelProto) -> None:
        node_of(model, node).input[index] = tensor

    return change


def _clamped(model: ModelProto) -> None:
    constants(model, low=0.02, high=0.98)
    spliced(model, "image", [made("Clip", "raw low high", "cooked", "clamped")])


def _warmer(model: ModelProto) -> None:
    constants(model, warmth=0.999)
    spliced(model, "linear_1", [made("Mul", "raw warmth", "cooked", "warmer")])


def _rounded_to_half(tensor: str) -> Change:
    def change(model: ModelProto) -> None:
        nodes = [
            made("Cast", "raw", "narrow", "narrowed", to=10),
            made("Cast", "narrow", "cooked", "widened", to=1),
        ]
        spliced(model, tensor, nodes)

    return change


def _hidden_by_identity(model: ModelProto) -> None:
    """A bias is wrong, and an Identity stands behind every node: no name is where it was."""
    entry(_LAST_BIAS, lambda value: value + 1e-3)(model)
    for tensor in ("cat", "linear", "sigmoid", "linear_1", "view"):
        spliced(model, tensor, [made("Identity", "raw", "cooked", f"pass_{tensor}")])


def _hidden_by_names(name: str) -> Change:
    def change(model: ModelProto) -> None:
        entry(name, lambda value: value * 1.01)(model)
        renamed(model.graph)

    return change


def _innocent_behind(model: ModelProto) -> None:
    """A weight is wrong; what gives the output is new, and does nothing."""
    entry(_LAST, lambda value: value + 1e-2)(model)
    constants(model, nothing=0.0)
    spliced(model, "image", [made("Add", "raw nothing", "cooked", "innocent")])


def _in_a_function(body: Change) -> Change:
    """The hidden layer of the decoder becomes a call of a local function, whose body is changed."""

    def change(model: ModelProto) -> None:
        nodes = [
            made("Gemm", "x w b", "h", "inner_gemm", transB=1, alpha=1.0, beta=1.0),
            made("Sigmoid", "h", "y", "inner_sigmoid"),
        ]
        holder = ModelProto()
        holder.graph.node.extend(nodes)
        body(holder)
        function = helper.make_function(
            "local", "Hidden", ["x", "w", "b"], ["y"], list(holder.graph.node), [helper.make_opsetid("", 18)]
        )
        model.functions.append(function)
        model.opset_import.append(helper.make_opsetid("local", 1))
        first, second = node_of(model, "node_linear"), node_of(model, "node_sigmoid")
        call = helper.make_node("Hidden", list(first.input), list(second.output), "call_hidden", domain="local")
        at = list(model.graph.node).index(first)
        kept = [node for node in model.graph.node if node.name not in (first.name, second.name)]
        kept.insert(at, call)
        del model.graph.node[:]
        model.graph.node.extend(kept)

    return change


def _older(opset: int, change: Change) -> Change:
    def changed(model: ModelProto) -> None:
        change(model)
        model.opset_import[0].version = opset

    return changed


def _other_dtype(name: str) -> Change:
    """A weight kept in float16 and cast back: half its digits are gone."""

    def change(model: ModelProto) -> None:
        values = weight_of(model, name).astype(np.float16)
        set_weight(model, name, values.astype(np.float32))

    return change


def _without_floor(model: ModelProto) -> None:
    set_weight(model, "val_12", np.array(0, np.float32))


def _swish_forgets(model: ModelProto) -> None:
    """SiLU multiplies with the wrong one of two tensors of one shape."""
    node_of(model, "node_silu_1").input[0] = "silu"


def _constant(name: str, value: Any) -> Change:
    return lambda model: set_weight(model, name, np.asarray(value, weight_of(model, name).dtype))


def _statistics_of_the_batch(model: ModelProto) -> None:
    """A normalisation in training mode: class scores are centred by the mean of the batch, a little."""
    constants(model, share=1e-3, over=[0])
    nodes = [
        made("ReduceMean", "raw over", "of_batch", "mean_of_batch", keepdims=1),
        made("Mul", "of_batch share", "part", "part_of_batch"),
        made("Sub", "raw part", "cooked", "centred_by_batch"),
    ]
    spliced(model, "linear_1", nodes)


def _first_row_for_all(model: ModelProto) -> None:
    constants(model, first=[0], like=0.0)
    nodes = [
        made("Gather", "raw first", "row", "row_of_first", axis=0),
        made("Mul", "raw like", "none", "none_of_own"),
        made("Add", "row none", "cooked", "first_for_all"),
    ]
    spliced(model, "z_logvar", nodes)


def _transposed(values: NDArray[Any]) -> NDArray[Any]:
    return values.T


def _of(name: str, change: Change, *where: str, base: str = BLOG, of: str = DECODER) -> Defect:
    return Defect(name, base, graph(change, of), where)


def _add(amount: float) -> Callable[[Any], Any]:
    return lambda value: value + amount


WEIGHTS = [
    _of("one weight 1e-3 off", entry(_LAST, _add(1e-3)), "node_linear_1", _LAST),
    _of("one weight 1e-4 off", entry(_LAST, _add(1e-4)), "node_linear_1", _LAST),
    _of("sign of a row lost", weight(_FIRST, _row(17, np.negative)), "node_linear_2", _FIRST, of=ENCODER),
    _of("two rows of the classifier swapped", weight(_CLASSES, _swapped(3, 8)), "node_linear_1", _CLASSES, of=ENCODER),
    _of("a unit dropped", weight(_FIRST, _row(40, np.zeros_like)), "node_linear_2", _FIRST, of=ENCODER),
    _of("weights rounded to float16", _other_dtype(_LAST), "node_linear_1", _LAST),
    _of("one bias 1e-4 off", entry(_LAST_BIAS, _add(1e-4)), "node_linear_1", _LAST_BIAS),
    _of("bias forgotten", weight(_LATENT_BIAS, np.zeros_like), "node_linear_3", _LATENT_BIAS, of=ENCODER),
    _of("a bias is infinite", entry(_LAST_BIAS, lambda _: np.inf), "node_linear_1", _LAST_BIAS),
    _of("a weight is no number", entry(_CLASSES, lambda _: np.nan), "node_linear_1", _CLASSES, of=ENCODER),
    _of("square weight transposed", weight(_MIX, _transposed), "node_linear_1", _MIX, base=CONV),
    _of(
        "kernels flipped",
        weight("network.decoder.coarse.0.enter.weight", lambda kernels: kernels[:, :, ::-1, ::-1]),
        "node_conv2d",
        "network.decoder.coarse.0.enter.weight",
        base=CONV,
    ),
    _of(
        "one kernel 1 % off",
        weight("network.encoder.down.weight", _row(2, lambda kernel: kernel * 1.01)),
        "node_conv2d_7",
        "network.encoder.down.weight",
        base=CONV,
        of=ENCODER,
    ),
    _of(
        "statistics of a BatchNorm not folded in",
        weight("network.classifier.towers.0.features.0.weight_bias", np.zeros_like),
        "node_Conv_152",
        "network.classifier.towers.0.features.0.weight_bias",
        base=CONV,
        of=ENCODER,
    ),
    _of(
        "one kernel of the shipped network 0.1 % off",
        weight("network.decoder.head.weight", _row(0, lambda kernel: kernel * np.float32(1.001))),
        "node_conv2d_10",
        "network.decoder.head.weight",
        base=SHIPPED,
    ),
]
"""Weights and biases."""

ATTRIBUTES = [
    _of("alpha of a Gemm 0.999", attribute("node_linear_1", "alpha", 0.999), "node_linear_1"),
    _of("Softmax over the batch", attribute("node_softmax", "axis", 0), "node_softmax", of=ENCODER),
    _of("padding on one side", attribute("node_conv2d", "pads", [0, 0, 2, 2]), "node_conv2d", base=CONV),
    _of(
        "pixels shuffled in the other order",
        attribute("node_pixel_shuffle_transpose_1", "perm", [0, 3, 1, 2, 4]),
        "node_pixel_shuffle_transpose_1",
        base=CONV,
    ),
    _of("clamp ten times tighter", _constant("val_68", 1.0), "node_clamp", "val_68", base=CONV),
    _of("normalised by another mean", _constant("val_71", 0.45), "node_sub_31", "val_71", base=CONV, of=ENCODER),
    _of("variance floor forgotten", _without_floor, "node_sub_12", "val_12", of=ENCODER),
]
"""Attributes and constants."""

OPERATORS = [
    _of("HardSigmoid for Sigmoid", operator("node_sigmoid", "HardSigmoid"), "node_sigmoid"),
    _of("Tanh for Sigmoid", operator("node_sigmoid_1", "Tanh"), "node_sigmoid_1", of=ENCODER),
    _of(
        "LeakyRelu for Relu",
        operator("node_relu_1", "LeakyRelu", alpha=0.01),
        "node_relu_1",
        base=CONV,
        of=ENCODER,
    ),
    _of(
        "Softmax for LogSoftmax",
        operator("node_log_softmax_1", "Softmax", axis=1),
        "node_log_softmax_1",
        base=CONV,
        of=ENCODER,
    ),
    _of("image clamped to 0.02 and 0.98", _clamped, "clamped"),
    _of("scores 0.1 % warmer", _warmer, "warmer", of=ENCODER),
    _of("hidden layer rounded to float16", _rounded_to_half("sigmoid"), "narrowed", "widened"),
    _of("scores centred by the batch", _statistics_of_the_batch, "centred_by_batch", "mean_of_batch", of=ENCODER),
    _of(
        "the first row's variance for all rows",
        _first_row_for_all,
        "first_for_all",
        "row_of_first",
        of=ENCODER,
    ),
]
"""Operators that are others, or more."""

WIRING = [
    _of("mean and log-variance exchanged", _exchanged_outputs, "node_Split_13", "node_log", of=ENCODER),
    _of("latent and class exchanged", _exchanged_inputs("node_cat"), "node_cat"),
    _of("encoder reads the classifier's layer", _reads("node_linear_3", 0, "sigmoid"), "node_linear_3", of=ENCODER),
    _of("bias of another layer", _reads("node_linear", 2, "network.extra"), "node_linear", "network.extra"),
    _of("SiLU of another tensor", _swish_forgets, "node_silu_1", base=CONV),
    _of("skip connection left out", _reads("node_add_68", 0, "conv2d_1"), "node_add_68", base=CONV),
    _of(
        "one of two towers counted twice",
        _reads("node_add_104", 1, "log_softmax"),
        "node_add_104",
        base=CONV,
        of=ENCODER,
    ),
]
"""Nodes that read other tensors."""

HIDDEN = [
    _of("bias off behind many an Identity", _hidden_by_identity, "node_linear_1", _LAST_BIAS),
    _of("weight off and all renamed", _hidden_by_names(_LAST), "n_3", "n_tensor_2"),
    _of(
        "kernel off and all renamed",
        _hidden_by_names("network.decoder.up.weight"),
        "n_32",
        "n_tensor_18",
        base=CONV,
    ),
    _of("weight off behind an innocent sum", _innocent_behind, "node_linear_1", _LAST),
    _of(
        "alpha inside a function",
        _in_a_function(attribute("inner_gemm", "alpha", 0.99)),
        "inner_gemm",
        "call_hidden",
        "Hidden",
    ),
    _of(
        "activation inside a function",
        _in_a_function(operator("inner_sigmoid", "HardSigmoid")),
        "inner_sigmoid",
        "call_hidden",
        "Hidden",
    ),
    _of(
        "bias off in an older opset",
        _older(14, entry(_LAST_BIAS, _add(1e-3))),
        "node_linear_1",
        _LAST_BIAS,
    ),
]
"""Defects behind harmless changes, which must not draw the blame."""


def _with_spare_bias(model: ModelProto) -> None:
    model.graph.initializer.append(
        numpy_helper.from_array(weight_of(model, "network.decoder.layers.0.bias")[::-1].copy(), "network.extra")
    )


ARITHMETIC = [
    Defect(
        each.name,
        each.base,
        both(graph(_with_spare_bias, DECODER), each.plant) if "network.extra" in each.where else each.plant,
        each.where,
    )
    for each in (*WEIGHTS, *ATTRIBUTES, *OPERATORS, *WIRING, *HIDDEN)
]
"""All of these."""
