"""Defects drawn by seed, planted in small graphs that are then rewritten without harm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.random import Generator
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from tests.parity.locating.graphs import GRAPHS, built

PLANTED = "planted"
"""Mark of a node that is wrong, in its doc string, which rewrites keep."""

OTHERS = {
    "Relu": "Softplus",
    "Tanh": "Softsign",
    "Add": "Sub",
    "Mul": "Add",
    "Sigmoid": "Tanh",
    "Softmax": "LogSoftmax",
    "ArgMax": "ArgMin",
    "Greater": "Less",
}
"""Operators by those that they are mistaken for."""

Plant = Callable[[ModelProto, Generator], bool]
"""Plants a defect; false where the graph has no place for it."""
Rewrite = Callable[[ModelProto, Generator], None]


def dense() -> ModelProto:
    """A dense network with a residual sum and two outputs."""
    return built(
        """<ir_version: 9, opset_import: ["": 18]>
        dense (float[batch, 8] x) => (float[batch, 5] y, float[batch, 5] shares) {
            first = Gemm <transB = 1> (x, w1, b1)
            active = Relu (first)
            second = Gemm <transB = 1> (active, w2, b2)
            bent = Tanh (second)
            summed = Add (bent, active)
            normal = LayerNormalization <axis = -1> (summed, gain, shift)
            product = MatMul (normal, w3)
            y = Add (product, b3)
            shares = Softmax <axis = 1> (y)
        }""",
        {"w1": (8, 8), "b1": (8,), "w2": (8, 8), "b2": (8,), "gain": (8,), "shift": (8,), "w3": (8, 5), "b3": (5,)},
    )


def residual() -> ModelProto:
    """Convolutions with a batch normalisation and a skip connection."""
    return built(
        """<ir_version: 9, opset_import: ["": 18]>
        residual (float[batch, 2, 6, 6] x) => (float[batch, 3] y)
        <int64[2] places = {2, 3}, float[4] spread = {0.5, 0.8, 1.1, 1.4}> {
            enter = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
            normal = BatchNormalization <epsilon = 0.001> (enter, scale, offset, mean, spread)
            active = Relu (normal)
            inner = Conv <pads = [1, 1, 1, 1]> (active, w2, b2)
            gate = Sigmoid (inner)
            gated = Mul (inner, gate)
            joined = Add (gated, active)
            pooled = ReduceMean <keepdims = 0> (joined, places)
            y = Gemm <transB = 1> (pooled, w3, b3)
        }""",
        {
            **dict.fromkeys(("b1", "scale", "offset", "mean", "b2"), (4,)),
            "w1": (4, 2, 3, 3),
            "w2": (4, 4, 3, 3),
            "w3": (3, 4),
            "b3": (3,),
        },
    )


NETWORKS: dict[str, Callable[[], ModelProto]] = {
    "dense": dense,
    "residual": residual,
    "attention": GRAPHS["attention"],
    "recurrent": GRAPHS["recurrent"],
    "unbatched": GRAPHS["unbatched"],
    "convolutional": GRAPHS["convolutional"],
}
"""Graphs in which defects are planted."""


@dataclass(frozen=True, eq=False)
class Case:
    """One planted defect."""

    name: str
    """Network, defect and rewrites."""
    network: str
    """The network."""
    model: ModelProto
    """The graph with the defect."""


def cases(count: int, seed: int) -> list[Case]:
    """Defects by seed, in networks, under up to two rewrites.

    Args:
        count: how many.
        seed: of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    found: list[Case] = []
    while len(found) < count:
        network = list(NETWORKS)[rng.integers(len(NETWORKS))]
        model = NETWORKS[network]()
        for index, node in enumerate(model.graph.node):
            node.name = f"node_{index}_{node.op_type}"
        plant = PLANTS[int(rng.integers(len(PLANTS)))]
        if not plant(model, rng):
            continue
        rewrites = [REWRITES[int(index)] for index in rng.permutation(len(REWRITES))[: rng.integers(3)]]
        for rewrite in rewrites:
            rewrite(model, rng)
        names = " + ".join(each.__name__ for each in (plant, *rewrites))
        found.append(Case(f"{network}: {names}", network, model))
    return found


def changed_entry(model: ModelProto, rng: Generator) -> bool:
    """One entry of a weight is off."""
    return _weight(model, rng, lambda values: _set(values, rng, float(1 + 10.0 ** -rng.integers(1, 4))))


def lost_sign(model: ModelProto, rng: Generator) -> bool:
    """A row of a weight has the other sign."""

    def change(values: NDArray[Any]) -> NDArray[Any]:
        values[rng.integers(len(values))] *= -1
        return values

    return _weight(model, rng, change)


def rounded(model: ModelProto, rng: Generator) -> bool:
    """A weight was kept in float16."""
    return _weight(model, rng, lambda values: values.astype(np.float16).astype(np.float32))


def other_operator(model: ModelProto, rng: Generator) -> bool:
    """A node has another operator."""
    node = _one(model, rng, lambda node: node.op_type in OTHERS)
    if node is None:
        return False
    node.op_type = OTHERS[node.op_type]
    node.doc_string = PLANTED
    return True


def other_attribute(model: ModelProto, rng: Generator) -> bool:
    """An attribute has another value."""
    other = {"epsilon": 0.05, "axis": 1, "alpha": 0.9, "linear_before_reset": 0}
    node = _one(model, rng, lambda node: any(each.name in other for each in node.attribute))
    if node is None:
        return False
    attribute = next(each for each in node.attribute if each.name in other)
    if helper.get_attribute_value(attribute) == other[attribute.name]:
        return False
    attribute.CopyFrom(helper.make_attribute(attribute.name, other[attribute.name]))
    node.doc_string = PLANTED
    return True


def inserted(model: ModelProto, rng: Generator) -> bool:
    """A node stands where none belongs."""
    kind, values = [("Mul", 1.003), ("Add", 0.01), ("Max", -0.05), ("Neg", None), ("Clip", -0.3)][rng.integers(5)]
    floats = _float_tensors(model)
    tensor = floats[rng.integers(len(floats))]
    node = helper.make_node(kind, [f"{tensor} before"], [tensor], name="put_in", doc_string=PLANTED)
    if values is not None:
        node.input.append("put_in_value")
        model.graph.initializer.append(numpy_helper.from_array(np.array(values, np.float32), "put_in_value"))
    _behind(model, tensor, [node])
    return True


def left_out(model: ModelProto, rng: Generator) -> bool:
    """A node is missing: those that read it read what it read."""
    outputs = {info.name for info in model.graph.output}
    kinds = ("Relu", "Tanh", "Sigmoid", "Softmax")
    node = _one(model, rng, lambda node: node.op_type in kinds and node.output[0] not in outputs)
    if node is None:
        return False
    for other in model.graph.node:
        if node.output[0] in other.input:
            other.input[:] = [node.input[0] if name == node.output[0] else name for name in other.input]
            other.doc_string = PLANTED
    model.graph.node.remove(node)
    return True


def exchanged(model: ModelProto, rng: Generator) -> bool:
    """The two inputs of a node are exchanged."""
    node = _one(model, rng, lambda node: node.op_type in ("Sub", "Div", "Greater", "MatMul") and len(node.input) == 2)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    if node is None or (node.op_type == "MatMul" and any(name in weights for name in node.input)):
        return False
    node.input[:] = [node.input[1], node.input[0]]
    node.doc_string = PLANTED
    return node.op_type != "MatMul"


PLANTS: Sequence[Plant] = (
    *(changed_entry, lost_sign, rounded, other_operator, other_attribute, inserted, inserted, left_out, exchanged),
)
"""Every kind of defect."""


def renamed(model: ModelProto, rng: Generator) -> None:
    """All nodes and tensors have other names."""
    kept = {info.name for info in (*model.graph.input, *model.graph.output)} | {""}
    names: dict[str, str] = {}
    for tensor in model.graph.initializer:
        tensor.name = names.setdefault(tensor.name, f"w{len(names)}_{rng.integers(1000)}")
    for index, node in enumerate(model.graph.node):
        node.name = f"op_{index}"
        for places in (node.input, node.output):
            places[:] = [each if each in kept else names.setdefault(each, f"t{len(names)}") for each in places]


def with_identities(model: ModelProto, rng: Generator) -> None:
    """An Identity stands behind many nodes."""
    for tensor in [name for node in model.graph.node for name in node.output if name]:
        if rng.random() < 0.6:
            _behind(
                model, tensor, [helper.make_node("Identity", [f"{tensor} before"], [tensor], name=f"pass {tensor}")]
            )


def with_constants(model: ModelProto, rng: Generator) -> None:
    """Weights are Constant nodes."""
    for tensor in list(model.graph.initializer):
        if rng.random() < 0.6:
            value = onnx.TensorProto.FromString(tensor.SerializeToString())
            node = helper.make_node("Constant", [], [tensor.name], name=f"constant {tensor.name}", value=value)
            model.graph.initializer.remove(tensor)
            model.graph.node.insert(0, node)


def with_dead_nodes(model: ModelProto, rng: Generator) -> None:
    """Nodes that lead nowhere stand between the others."""
    for index, tensor in enumerate(_float_tensors(model)):
        if rng.random() < 0.5:
            at = next(place for place, node in enumerate(model.graph.node) if tensor in node.output)
            model.graph.node.insert(at + 1, helper.make_node("Exp", [tensor], [f"dead {index}"], name=f"dead {index}"))


def with_split_products(model: ModelProto, rng: Generator) -> None:
    """Products with a weight are sums of two."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in [each for each in model.graph.node if each.op_type == "MatMul" and each.input[1] in weights]:
        values = weights[node.input[1]]
        half, tag = len(values) // 2, f"{node.output[0]} {rng.integers(1000)}"
        parts = {"sizes": np.array([half, len(values) - half]), "upper": values[:half], "lower": values[half:]}
        for name, part in parts.items():
            model.graph.initializer.append(numpy_helper.from_array(part, f"{tag} {name}"))
        nodes = [
            helper.make_node("Split", [node.input[0], f"{tag} sizes"], [f"{tag} a", f"{tag} b"], axis=-1),
            helper.make_node("MatMul", [f"{tag} a", f"{tag} upper"], [f"{tag} c"], doc_string=node.doc_string),
            helper.make_node("MatMul", [f"{tag} b", f"{tag} lower"], [f"{tag} d"], doc_string=node.doc_string),
            helper.make_node("Add", [f"{tag} c", f"{tag} d"], list(node.output), doc_string=node.doc_string),
        ]
        _replace(model, node, nodes, tag)


def with_products_and_sums(model: ModelProto, rng: Generator) -> None:
    """A Gemm is a product and a sum."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in [each for each in model.graph.node if each.op_type == "Gemm" and each.input[1] in weights]:
        tag = f"{node.output[0]} {rng.integers(1000)}"
        turned = np.ascontiguousarray(weights[node.input[1]].T)
        model.graph.initializer.append(numpy_helper.from_array(turned, f"{tag} turned"))
        mark = node.doc_string
        _replace(
            model,
            node,
            [
                helper.make_node("MatMul", [node.input[0], f"{tag} turned"], [f"{tag} product"], doc_string=mark),
                helper.make_node("Add", [f"{tag} product", node.input[2]], list(node.output), doc_string=mark),
            ],
            tag,
        )


def with_spelled_activations(model: ModelProto, rng: Generator) -> None:
    """Sigmoid and Relu are written out."""
    for node in [each for each in model.graph.node if each.op_type in ("Sigmoid", "Relu")]:
        tag, mark = f"{node.output[0]} {rng.integers(1000)}", node.doc_string
        constant = np.array(float(node.op_type == "Sigmoid"), np.float32)
        model.graph.initializer.append(numpy_helper.from_array(constant, f"{tag} number"))
        if node.op_type == "Relu":
            nodes = [helper.make_node("Max", [node.input[0], f"{tag} number"], list(node.output), doc_string=mark)]
        else:
            nodes = [
                helper.make_node("Neg", [node.input[0]], [f"{tag} a"], doc_string=mark),
                helper.make_node("Exp", [f"{tag} a"], [f"{tag} b"], doc_string=mark),
                helper.make_node("Add", [f"{tag} b", f"{tag} number"], [f"{tag} c"], doc_string=mark),
                helper.make_node("Reciprocal", [f"{tag} c"], list(node.output), doc_string=mark),
            ]
        _replace(model, node, nodes, tag)


REWRITES: Sequence[Rewrite] = (
    *(renamed, with_identities, with_constants, with_dead_nodes, with_split_products),
    *(with_products_and_sums, with_spelled_activations),
)
"""Every kind of rewrite."""


def _replace(model: ModelProto, node: NodeProto, nodes: Sequence[NodeProto], tag: str) -> None:
    """Put nodes in the place of one."""
    at = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    for place, each in enumerate(nodes):
        each.name = f"{tag} {place}"
        model.graph.node.insert(at + place, each)


def _weight(model: ModelProto, rng: Generator, change: Callable[[NDArray[Any]], NDArray[Any]]) -> bool:
    """Change a weight, and mark the nodes that read it."""
    floats = [each for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT and each.dims]
    tensor = floats[rng.integers(len(floats))]
    values = change(numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in model.graph.node:
        if tensor.name in node.input:
            node.doc_string = PLANTED
    return True


def _set(values: NDArray[Any], rng: Generator, factor: float) -> NDArray[Any]:
    values.flat[rng.integers(values.size)] *= np.float32(factor)
    return values


def _one(model: ModelProto, rng: Generator, fits: Callable[[NodeProto], bool]) -> NodeProto | None:
    fitting = [node for node in model.graph.node if fits(node)]
    return fitting[rng.integers(len(fitting))] if fitting else None


def _float_tensors(model: ModelProto) -> list[str]:
    """Tensors of floats that nodes outside subgraphs make."""
    inferred = onnx.shape_inference.infer_shapes(model)
    infos = (*inferred.graph.value_info, *inferred.graph.output)
    kinds = {info.name: info.type.tensor_type.elem_type for info in infos}
    made = [name for node in model.graph.node for name in node.output]
    return [name for name in made if kinds.get(name) == onnx.TensorProto.FLOAT]


def _behind(model: ModelProto, tensor: str, nodes: Sequence[NodeProto]) -> None:
    """Put nodes behind a tensor, which keeps its name for all that read it; they read it as `TENSOR before`."""
    before, taken = f"{tensor} before", {name for node in model.graph.node for name in node.output}
    while before in taken:
        before = f"{before} that"
    at = next(index for index, node in enumerate(model.graph.node) if tensor in node.output)
    maker = model.graph.node[at]
    maker.output[:] = [before if name == tensor else name for name in maker.output]
    for place, node in enumerate(nodes):
        node.input[:] = [before if name == f"{tensor} before" else name for name in node.input]
        model.graph.node.insert(at + 1 + place, node)
