"""Defects as converters and careless edits leave them: each changes one place of an ONNX file and names its node."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper


@dataclass(frozen=True)
class Defect:
    """One defect of one network."""

    name: str
    """What went wrong."""
    network: str
    """Name of the network in the catalogue, or of a writer in `handmade.py`."""
    apply: Callable[[ModelProto], str]
    """Changes the model in place; answers the name of the node where a reader must be led."""


def gru_resets_before_the_product(model: ModelProto) -> str:
    """`linear_before_reset` left at its default: PyTorch resets after the product."""
    return _set(_node(model, "/gru/GRU_1"), "linear_before_reset", 0)


def lstm_gates_in_pytorchs_order(model: ModelProto) -> str:
    """ONNX wants the gates as i, o, f, c."""
    node = _only(model, "LSTM")

    def swap(weight: NDArray[Any]) -> NDArray[Any]:
        i, o, f, c = np.split(weight, 4, axis=1)
        return np.concatenate([i, f, o, c], axis=1)

    _change(model, node.input[2], swap)
    return node.name


def attention_mask_inverted(model: ModelProto) -> str:
    """Padding attends, words do not."""
    node = _node(model, "node_bitwise_not")
    node.op_type = "Identity"
    return node.name


def keys_for_values(model: ModelProto) -> str:
    """Attention mixes the keys; their shape is the values'."""
    node = _node(model, "node_matmul_3")
    keys = _node(model, "node_unbind_1__1").output[0]
    node.input[1] = keys
    return node.name


def layer_norm_epsilon(model: ModelProto) -> str:
    """TensorFlow's epsilon instead of PyTorch's."""
    return _set(_node(model, "node_layer_norm_1"), "epsilon", 1e-3)


def hard_sigmoid_of_keras(model: ModelProto) -> str:
    """Keras has a slope of 0.2 where PyTorch has 1/6."""
    return _set(_node(model, "/features/features.9/HardSigmoid"), "alpha", 0.2)


def depthwise_weight_one_percent_off(model: ModelProto) -> str:
    """The kernels of a depthwise convolution."""
    node = _node(model, "/features/features.3/Conv")
    _change(model, node.input[1], lambda weight: weight * np.float32(1.01))
    return node.name


def threshold_moved(model: ModelProto) -> str:
    """A bool output alone is wrong, and by few entries."""
    node = _node(model, "node_gt")
    _change(model, node.input[1], lambda threshold: threshold * np.float32(1.05))
    return node.name


def smallest_for_largest(model: ModelProto) -> str:
    """ArgMin in place of ArgMax: an int64 output alone is wrong."""
    node = _node(model, "node_max_1__1")
    node.op_type = "ArgMin"
    return node.name


def skip_connection_swapped(model: ModelProto) -> str:
    """Both halves of a concatenation have ten channels."""
    node = _node(model, "node_cat")
    node.input[0], node.input[1] = node.input[1], node.input[0]
    return node.name


def double_rounded_to_float(model: ModelProto) -> str:
    """A converter took the weights through float32."""
    node = _node(model, "node_linear_1")
    _change(model, node.input[1], lambda weight: weight.astype(np.float32).astype(np.float64))
    return node.name


def half_weights_ten_percent_off(model: ModelProto) -> str:
    """In float16, whose rounding is coarse: ten per cent stand well clear of it."""
    node = _node(model, "node_linear_1")
    _change(model, node.input[1], lambda weight: (weight * 1.1).astype(weight.dtype))
    return node.name


def branches_exchanged(model: ModelProto) -> str:
    """The loud branch for the quiet signal."""
    node = _only(model, "If")
    branches = {attribute.name: attribute for attribute in node.attribute}
    branches["then_branch"].name, branches["else_branch"].name = "else_branch", "then_branch"
    return node.name


def resize_without_aligned_corners(model: ModelProto) -> str:
    """The commonest mistake with bilinear upsampling."""
    return _set(_node(model, "node_upsample_bilinear2d"), "coordinate_transformation_mode", "half_pixel")


def leaky_slope_of_the_standard(model: ModelProto) -> str:
    """ONNX's own default, 0.01."""
    return _set(_node(model, "node_leaky_relu_1"), "alpha", 0.01)


def running_variance_forgotten(model: ModelProto) -> str:
    """A BatchNorm with fresh statistics."""
    node = _node(model, "/body/body.3/BatchNormalization")
    _change(model, node.input[4], np.ones_like)
    return node.name


def padded_on_both_sides(model: ModelProto) -> str:
    """A causal convolution that looks a step ahead."""
    return _set(_node(model, "node_conv1d_5"), "pads", [2, 2])


def largest_message_wins(model: ModelProto) -> str:
    """The largest message instead of the sum."""
    return _set(_node(model, "node_ScatterND_65"), "reduction", "max")


def one_row_of_a_table(model: ModelProto) -> str:
    """One user's vector, 5 % off: seen only where that user is asked."""
    node = _node(model, "/users/Gather")

    def scale(table: NDArray[Any]) -> NDArray[Any]:
        table[42] *= 1.05
        return table

    _change(model, node.input[0], scale)
    return node.name


def sign_lost(model: ModelProto) -> str:
    """A dropped sign."""
    node = _node(model, "node_neg")
    node.op_type = "Identity"
    return node.name


def mean_and_deviation_exchanged(model: ModelProto) -> str:
    """(image - std) / std: the wrong constant of two with the same shape."""
    node = _node(model, "/Sub")
    node.input[1] = "std"
    return node.name


def function_body_changed(model: ModelProto) -> str:
    """Every call of the function has the other activation."""
    next(node for node in model.functions[0].node if node.op_type == "Tanh").op_type = "Softsign"
    return "squash"


def loop_leaks_less(model: ModelProto) -> str:
    """A constant that the loop's body reads from outside."""
    _change(model, "leak", lambda leak: leak * np.float32(0.9))
    return "integrate"


def relu_inside_a_branch(model: ModelProto) -> str:
    """Another activation inside a branch."""
    node = next(node for node in _branch(model, "choose", "else_branch").node if node.op_type == "Softplus")
    node.op_type = "Relu"
    return "choose"


DEFECTS = [
    Defect("GRU without linear_before_reset", "gru", gru_resets_before_the_product),
    Defect("LSTM gates out of order", "lstm", lstm_gates_in_pytorchs_order),
    Defect("attention mask inverted", "attention", attention_mask_inverted),
    Defect("keys in place of values", "attention", keys_for_values),
    Defect("LayerNorm with another epsilon", "transformer", layer_norm_epsilon),
    Defect("HardSigmoid of Keras", "mobile", hard_sigmoid_of_keras),
    Defect("depthwise kernels 1 % off", "mobile", depthwise_weight_one_percent_off),
    Defect("threshold moved by 5 %", "detector", threshold_moved),
    Defect("ArgMin for ArgMax", "detector", smallest_for_largest),
    Defect("skip connection swapped", "segmentation", skip_connection_swapped),
    Defect("float64 weights rounded to float32", "float64", double_rounded_to_float),
    Defect("float16 weights 10 % off", "float16", half_weights_ten_percent_off),
    Defect("branches exchanged", "branching", branches_exchanged),
    Defect("Resize without aligned corners", "tile-decoder", resize_without_aligned_corners),
    Defect("LeakyRelu with the default slope", "sketch-encoder", leaky_slope_of_the_standard),
    Defect("running variance forgotten", "sketch-decoder", running_variance_forgotten),
    Defect("causal padding on both sides", "wavenet", padded_on_both_sides),
    Defect("messages take their largest", "graph", largest_message_wins),
    Defect("one row of an embedding 5 % off", "recommender", one_row_of_a_table),
    Defect("sign lost", "scalars", sign_lost),
    Defect("deviation for mean", "tile-encoder", mean_and_deviation_exchanged),
    Defect("function's activation changed", "function", function_body_changed),
    Defect("constant of a loop 10 % off", "loop", loop_leaks_less),
    Defect("Relu for Softplus in a branch", "branch", relu_inside_a_branch),
]


def _node(model: ModelProto, name: str) -> NodeProto:
    found: NodeProto = next(node for node in model.graph.node if node.name == name)
    return found


def _only(model: ModelProto, kind: str) -> NodeProto:
    found: NodeProto
    (found,) = (node for node in model.graph.node if node.op_type == kind)
    return found


def _branch(model: ModelProto, node: str, attribute: str) -> GraphProto:
    branch: GraphProto = next(held.g for held in _node(model, node).attribute if held.name == attribute)
    return branch


def _set(node: NodeProto, name: str, value: object) -> str:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    assert len(kept) == len(node.attribute) - 1, f"{node.name} has no {name}"
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])
    return node.name


def _change(model: ModelProto, name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    changed = change(numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(changed), name))
