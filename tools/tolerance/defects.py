"""Seeded defects of an exported network: weights that are off by a chosen size, and what careless converters leave."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIZES = tuple(float(f"{10 ** (step / 2):.3g}") for step in range(-16, -1))
"""Relative sizes, two a decade from 1e-8 to 1e-1."""

SIZED = ("entry", "tensor", "noise", "bias")
"""Kinds that have a size: one entry moved by that part of the tensor's largest, the whole tensor scaled, every entry
moved at random, every entry of a bias moved."""

_ENTRIES = 3  # tensors of each network of which an entry is moved
_LEAST = 4  # entries of a tensor that is changed
_ERF_CUBE = 0.044715
_ACTIVATIONS = ("Sigmoid", "Tanh", "Erf", "Softmax", "Exp", "Softplus", "HardSwish", "Gelu", "Relu")


@dataclass(frozen=True, eq=False)
class Weight:
    """A change of one stored tensor."""

    tensor: str
    """Name of the initializer."""
    old: NDArray[np.float32]
    """What it holds."""
    new: NDArray[np.float32]
    """What it holds with the defect."""


@dataclass(frozen=True, eq=False)
class Defect:
    """One defect of one network."""

    kind: str
    """One of `SIZED`, or what a converter did."""
    place: str
    """Tensor or node that is changed."""
    size: float
    """Relative size; 0 for a kind that has none."""
    model: ModelProto
    """The graph with the defect."""
    weight: Weight | None = None
    """What changed, where that is one tensor."""


def sized_defects(model: ModelProto, seed: int) -> Iterator[Defect]:
    """Every kind of `SIZED` at every size, at places drawn from a seed.

    Args:
        model: the right graph, which is not changed.
        seed: of the places.
    """
    random = np.random.default_rng(seed)
    tensors = _weights(model)
    matrices = [name for name, values in tensors.items() if values.ndim > 1]
    biases = [name for name, values in tensors.items() if values.ndim == 1]
    series = [("entry", name) for name in _drawn(random, [*matrices, *biases], _ENTRIES)]
    series += [(kind, name) for kind in ("tensor", "noise") for name in _drawn(random, matrices, 1)]
    series += [("bias", name) for name in _drawn(random, biases, 1)]
    for kind, name in series:
        old = tensors[name]
        direction = _direction(kind, old, random)
        for size in SIZES:
            new = (old.astype(np.float64) + size * direction).astype(np.float32)
            yield Defect(kind, name, size, _with(model, name, new), Weight(name, old, new))


def converter_defects(model: ModelProto, seed: int) -> Iterator[Defect]:
    """Defects as converters leave them, one of each kind that the graph has a place for.

    Args:
        model: the right graph, which is not changed.
        seed: of the places.
    """
    random = np.random.default_rng(seed)
    tensors = _weights(model)
    matrices = [name for name, values in tensors.items() if values.ndim > 1]
    square = [name for name in matrices if tensors[name].ndim == 2 and len(set(tensors[name].shape)) == 1]
    biases = [name for name, values in tensors.items() if values.ndim == 1]
    changes: list[tuple[str, list[str], Callable[[NDArray[np.float32]], NDArray[np.float32]]]] = [
        ("weight in float16", matrices, lambda values: values.astype(np.float16).astype(np.float32)),
        ("weight in bfloat16", matrices, lambda values: values.astype(ml_dtypes.bfloat16).astype(np.float32)),
        ("weight in int8", matrices, _eight_bits),
        ("weight transposed", square, np.transpose),
        (
            "two units swapped",
            [name for name in matrices if len(tensors[name]) > 1],
            lambda values: values[[1, 0, *range(2, len(values))]],
        ),
        ("bias dropped", biases, np.zeros_like),
    ]
    for kind, names, change in changes:
        for name in _drawn(random, names, 1):
            old = tensors[name]
            new = np.ascontiguousarray(change(old))
            if not np.array_equal(old, new):
                yield Defect(kind, name, 0.0, _with(model, name, new), Weight(name, old, new))
    half = _copied(model)
    for name, values in tensors.items():
        _put(half, name, values.astype(np.float16).astype(np.float32))
    yield Defect("all weights in float16", "", 0.0, half)
    yield from _node_defects(model, random)


def _node_defects(model: ModelProto, random: np.random.Generator) -> Iterator[Defect]:
    nodes = list(model.graph.node)
    places = {
        "epsilon ten times": [n for n in nodes if any(a.name == "epsilon" for a in n.attribute)],
        "epsilon of a tenth": [n for n in nodes if any(a.name == "epsilon" for a in n.attribute)],
        "GELU by tanh": [n for n in nodes if n.op_type == "Erf"],
        "activation rounded to float16": [n for n in nodes if n.op_type in _ACTIVATIONS],
        "other corners": [n for n in nodes if n.op_type == "Resize"],
        "softmax over the batch": [n for n in nodes if n.op_type == "Softmax"],
        "gates in PyTorch's order": [n for n in nodes if n.op_type in ("LSTM", "GRU")],
        "padding on the other side": [n for n in nodes if n.op_type == "Conv" and _pads(n)],
    }
    for kind, found in places.items():
        if not found:
            continue
        index = nodes.index(found[int(random.integers(len(found)))])
        changed = _copied(model)
        if _change_node(kind, changed, index):
            yield Defect(kind, nodes[index].name, 0.0, changed)


def _change_node(kind: str, model: ModelProto, index: int) -> bool:
    """Change a node in place; whether that could be done."""
    node = model.graph.node[index]
    if kind.startswith("epsilon"):
        factor = 10.0 if kind == "epsilon ten times" else 0.1
        _set(node, "epsilon", factor * next(a.f for a in node.attribute if a.name == "epsilon"))
    elif kind == "GELU by tanh":
        _replace(model, index, _tanh_for_erf(node))
    elif kind == "activation rounded to float16":
        _replace(model, index, _then_half(node))
    elif kind == "other corners":
        _set(node, "coordinate_transformation_mode", "asymmetric" if _mode(node) == "linear" else "align_corners")
    elif kind == "softmax over the batch":
        _set(node, "axis", 0)
    elif kind == "gates in PyTorch's order":
        return _swap_gates(model, node)
    else:
        top, left, bottom, right = _pads(node)
        _set(node, "pads", [top - 1, left - 1, bottom + 1, right + 1])
    return True


def _weights(model: ModelProto) -> dict[str, NDArray[np.float32]]:
    """Float32 tensors of some entries, by name."""
    arrays = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    return {name: values for name, values in arrays.items() if values.dtype == np.float32 and values.size >= _LEAST}


def _drawn(random: np.random.Generator, names: list[str], most: int) -> list[str]:
    return [names[place] for place in random.permutation(len(names))[:most]]


def _direction(kind: str, old: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float64]:
    """What is added at a size of 1."""
    largest = float(np.abs(old).max())
    if kind == "tensor":
        return old.astype(np.float64)
    if kind == "noise":
        return largest * random.choice((-1.0, 1.0), old.shape)
    if kind == "bias":
        return np.full(old.shape, largest)
    moved = np.zeros(old.size)
    moved[int(random.integers(old.size))] = largest
    return moved.reshape(old.shape)


def _eight_bits(values: NDArray[np.float32]) -> NDArray[np.float32]:
    step = float(np.abs(values).max()) / 127
    return (np.round(values / step) * step).astype(np.float32)


def _copied(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _with(model: ModelProto, name: str, values: NDArray[np.float32]) -> ModelProto:
    copy = _copied(model)
    _put(copy, name, values)
    return copy


def _put(model: ModelProto, name: str, values: NDArray[np.float32]) -> None:
    target = next(each for each in model.graph.initializer if each.name == name)
    target.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))


def _set(node: NodeProto, name: str, value: object) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _pads(node: NodeProto) -> list[int]:
    """Pads of a 2-d convolution that has the same on all sides; none else."""
    pads = next((list(a.ints) for a in node.attribute if a.name == "pads"), [])
    return pads if len(pads) == 4 and all(pads) else []


def _mode(node: NodeProto) -> str:
    return next((a.s.decode() for a in node.attribute if a.name == "mode"), "nearest")


def _replace(model: ModelProto, index: int, nodes: list[NodeProto]) -> None:
    rest = list(model.graph.node)
    rest[index : index + 1] = nodes
    del model.graph.node[:]
    model.graph.node.extend(rest)


def _then_half(node: NodeProto) -> list[NodeProto]:
    """The node, and its answer rounded to float16."""
    answer = node.output[0]
    inner = NodeProto()
    inner.CopyFrom(node)
    inner.output[0] = f"{answer}.exact"
    return [
        inner,
        helper.make_node("Cast", [f"{answer}.exact"], [f"{answer}.half"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", [f"{answer}.half"], [answer], to=TensorProto.FLOAT),
    ]


def _tanh_for_erf(node: NodeProto) -> list[NodeProto]:
    """erf(z) as tanh(2 / sqrt(pi) (z + 2 c z^3)), which is GELU's usual approximation."""
    given, answer = node.input[0], node.output[0]
    constants = {"one": 2 / np.sqrt(np.pi), "cube": 2 / np.sqrt(np.pi) * 2 * _ERF_CUBE}
    made = [
        helper.make_node("Constant", [], [f"{answer}.{name}"], value_float=float(value))
        for name, value in constants.items()
    ]
    steps = (
        ("Mul", [given, given], "square"),
        ("Mul", [f"{answer}.square", f"{answer}.cube"], "scaled"),
        ("Add", [f"{answer}.scaled", f"{answer}.one"], "factor"),
        ("Mul", [f"{answer}.factor", given], "sum"),
    )
    made += [helper.make_node(kind, inputs, [f"{answer}.{name}"]) for kind, inputs, name in steps]
    return [*made, helper.make_node("Tanh", [f"{answer}.sum"], [answer])]


def _swap_gates(model: ModelProto, node: NodeProto) -> bool:
    """Swap the gates that PyTorch and ONNX order differently, in both weights of a recurrent node."""
    tensors = _weights(model)
    if any(name not in tensors for name in node.input[1:3]):
        return False
    gates = 4 if node.op_type == "LSTM" else 3
    order = [0, 2, 3, 1] if gates == 4 else [1, 0, 2]
    for name in node.input[1:3]:
        parts = np.split(tensors[name], gates, axis=1)
        _put(model, name, np.concatenate([parts[place] for place in order], axis=1))
    return True
