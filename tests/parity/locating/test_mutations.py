"""Seeded defects in graphs of many kinds, each caught, each with a place that names the right node.

In a file they are found three ways: node by node against another file of the same names, by value against a file of
other names, and by value against PyTorch. On a backend they are found by cutting the graph off.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, helper, numpy_helper
from torch import Tensor, nn

from tests.export.crooked import Crooked, enlarging, flipping, refusing, unchanged
from tests.parity.locating.graphs import GRAPHS, attention, inputs_of
from vaeport_parity.backends import BACKENDS
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.comparison import compare
from vaeport_parity.reporting.report import Report

Change = Callable[[ModelProto], None]


@pytest.fixture(autouse=True)
def _no_empty_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime aborts on a GRU with an empty batch, and would take this process along."""
    monkeypatch.setattr("vaeport_parity.asking.steps.BATCHES", (1, 2, 7))


def compared(candidate: ModelProto, reference: Any, name: str, folder: Path, backends: str) -> Report:
    """A report on a graph that is compared with another file or a module."""
    if isinstance(reference, ModelProto):
        onnx.save(reference, folder / "original.onnx")
        reference = str(folder / "original.onnx")
    onnx.save(candidate, folder / "candidate.onnx")
    request = GraphRequest(str(folder / "candidate.onnx"), reference, inputs=inputs_of(name, 20))
    subject = make_subject({"graph": request}, name=name, folder=folder / "program")
    return compare(subject, backends, isolated=False)


def node_of(model: ModelProto, kind: str) -> NodeProto:
    """The first node of a kind outside subgraphs."""
    node: NodeProto = next(node for node in model.graph.node if node.op_type == kind)
    return node


def inner(model: ModelProto, kind: str) -> NodeProto:
    """The first node of a kind in a subgraph."""
    graphs = (one.g for node in model.graph.node for one in node.attribute if one.type == AttributeProto.GRAPH)
    node: NodeProto = next(node for graph in graphs for node in graph.node if node.op_type == kind)
    return node


def changed_weight(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    """Changes one weight."""

    def apply(model: ModelProto) -> None:
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        values = change(numpy_helper.to_array(tensor).copy())
        tensor.CopyFrom(numpy_helper.from_array(values.astype(numpy_helper.to_array(tensor).dtype), name))

    return apply


def more_at(place: int, factor: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """One entry, larger by a factor."""

    def change(values: NDArray[Any]) -> NDArray[Any]:
        values.flat[place] *= factor
        return values

    return change


def attribute(kind: str, name: str, value: Any, find: Callable[[ModelProto, str], NodeProto] = node_of) -> Change:
    """Gives a node's attribute another value."""

    def apply(model: ModelProto) -> None:
        node = find(model, kind)
        kept = [one for one in node.attribute if one.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return apply


def operator(
    kind: str, other: str, *, keep: bool = True, find: Callable[[ModelProto, str], NodeProto] = node_of
) -> Change:
    """Makes a node one of another kind."""

    def apply(model: ModelProto) -> None:
        node = find(model, kind)
        node.op_type = other
        if not keep:
            del node.attribute[:]

    return apply


def swapped(kind: str) -> Change:
    """Swaps the two inputs of a node."""

    def apply(model: ModelProto) -> None:
        node = node_of(model, kind)
        node.input[:] = [node.input[1], node.input[0]]

    return apply


def inverted_mask(model: ModelProto) -> None:
    """Puts a Not before the mask is used."""
    node = node_of(model, "Unsqueeze")
    node.input[0] = "opposite"
    model.graph.node.insert(0, helper.make_node("Not", ["mask"], ["opposite"], name="flip"))


def in_function(kind: str, change: Callable[[NodeProto], None]) -> Change:
    """Changes a node of a function."""

    def apply(model: ModelProto) -> None:
        change(next(node for function in model.functions for node in function.node if node.op_type == kind))

    return apply


def larger_half(node: NodeProto) -> None:
    node.attribute[0].f = 0.6


def halves_swapped(values: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate(np.split(values, 2)[::-1])


def rounded(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float16)


FILE_DEFECTS: dict[str, tuple[str, Change, tuple[str, ...]]] = {
    "a weight of attention": (
        "attention",
        changed_weight("w_value", more_at(7, 1.01)),
        ("'value'", "w_value", "1 of 64"),
    ),
    "softmax on the wrong axis": ("attention", attribute("Softmax", "axis", 1), ("'weights'", "axis = 1", "-1")),
    "another epsilon": ("attention", attribute("LayerNormalization", "epsilon", 1e-2), ("'y'", "epsilon = 0.0")),
    "mask inverted": (
        "attention",
        inverted_mask,
        ("'flip' (Not of mask)", "not in original.onnx", "mask is used as it is"),
    ),
    "sum is a difference": ("attention", operator("Add", "Sub"), ("'summed' (Sub of", "is an Add in original.onnx")),
    "reset before the product": (
        "recurrent",
        attribute("GRU", "linear_before_reset", 0),
        ("linear_before_reset = 0", "1"),
    ),
    "a bias of the GRU": ("recurrent", changed_weight("b", more_at(3, -1)), ("GRU", "b differs", "1 of 36")),
    "least instead of best": ("recurrent", operator("ArgMax", "ArgMin"), ("'best'", "is an ArgMax in original.onnx")),
    "relu in a branch": (
        "branching",
        operator("Relu", "Neg", find=inner),
        ("'chosen' (If of positive), in its then_branch: node 'a' (Neg of doubled)", "is a Relu"),
    ),
    "one turn more": ("looping", changed_weight("times", lambda values: values + 1), ("'end'", "times is 4", "3")),
    "tanh in a loop": (
        "looping",
        operator("Tanh", "Sigmoid", find=inner),
        ("'end' (Loop of times, go, start), in its body: node 'next' (Sigmoid of product)", "is a Tanh"),
    ),
    "constant of a function": (
        "calling",
        in_function("Constant", larger_half),
        ("'small' (Mul of value, half) in function 'Squash'", "'half' (Constant of ), is 0.6"),
    ),
    "attribute of a call": ("calling", attribute("Block", "slope", 0.3), ("'active' (Block of", "slope = 0.3")),
    "inputs of Sub": (
        "unbatched",
        swapped("Sub"),
        ("'y' (Sub of offset, scaled)", "it reads offset, scaled, in original.onnx scaled, offset"),
    ),
    "less instead of greater": ("unbatched", operator("Greater", "Less"), ("'big'", "is a Greater in original.onnx")),
    "weights in float16": ("convolutional", changed_weight("w2", rounded), ("'wide'", "w2 is rounded to float16")),
}
"""Graph, what is done to it, and what the place must name, with a file of the same names beside it."""


@pytest.mark.parametrize("defect", list(FILE_DEFECTS))
def test_defect_in_a_file_is_found_against_the_original(defect: str, tmp_path: Path) -> None:
    name, change, named = FILE_DEFECTS[defect]
    candidate = GRAPHS[name]()
    change(candidate)

    report = compared(candidate, GRAPHS[name](), name, tmp_path, "onnxruntime-all")

    place = report.backends[0].place
    assert not report.holds
    assert place.startswith(f"{tmp_path / 'candidate.onnx'}: ")
    assert [word for word in named if word not in place] == []
    assert place in str(report)


def renamed(model: ModelProto) -> ModelProto:
    """The same graph with other names, as another tool writes it."""
    outputs = {info.name for info in model.graph.output}
    made = [name for node in model.graph.node for name in node.output if name not in outputs]
    names = {name: f"/net/{index}" for index, name in enumerate(made)}
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for index, node in enumerate(graph.node):
            node.name = f"/op/{node.op_type}_{index}"
            node.input[:] = [names.get(name, name) for name in node.input]
            if graph is model.graph:
                node.output[:] = [names.get(name, name) for name in node.output]
            graphs += [one.g for one in node.attribute if one.type == AttributeProto.GRAPH]
    return model


VALUE_DEFECTS: dict[str, tuple[str, Change, str]] = {
    "a weight of attention": ("attention", changed_weight("w_value", more_at(7, 1.01)), "MatMul of /net/0, w_value"),
    "another scale": ("attention", changed_weight("scale", lambda values: values * 1.4), "(Mul of /net/5, scale)"),
    "mask inverted": ("attention", inverted_mask, "(Not of mask)"),
    "another epsilon": ("attention", attribute("LayerNormalization", "epsilon", 1e-2), "(LayerNormalization of "),
    "a bias of the GRU": ("recurrent", changed_weight("b", more_at(3, -1)), "(GRU of /net/0, w, r, b)"),
    "relu in a branch": ("branching", operator("Relu", "Neg", find=inner), "(If of positive)"),
    "one turn more": ("looping", changed_weight("times", lambda values: values + 1), "(Loop of times, go, /net/0)"),
    "attribute of a call": ("calling", attribute("Block", "slope", 0.3), "(Block of /net/0, b1)"),
    "inputs of Sub": ("unbatched", swapped("Sub"), "(Sub of offset, /net/1)"),
    "groups of a convolution": ("convolutional", changed_weight("w1", halves_swapped), "(Conv of x, w1, b1)"),
    "weights in float16": ("convolutional", changed_weight("w2", rounded), "(Conv of /net/1, w2)"),
}
"""Graph, what is done to it, and the node that the place must name, with a file of other names beside it."""


@pytest.mark.parametrize("defect", list(VALUE_DEFECTS))
def test_defect_in_a_file_of_other_names_is_found_by_value(defect: str, tmp_path: Path) -> None:
    name, change, node = VALUE_DEFECTS[defect]
    candidate = GRAPHS[name]()
    change(candidate)

    report = compared(renamed(candidate), GRAPHS[name](), name, tmp_path, "onnxruntime-all")

    place = report.backends[0].place
    assert not report.holds
    assert place.startswith(f"{tmp_path / 'candidate.onnx'}: node ")
    assert node in place.partition(" is ")[0]


class Attention(nn.Module):
    """The network that `graphs.attention` is an export of, written with PyTorch's own operators."""

    table: Tensor
    w_query: Tensor
    w_key: Tensor
    w_value: Tensor
    w_out: Tensor
    gain: Tensor
    shift: Tensor

    def __init__(self, weights: dict[str, NDArray[Any]], *, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        for name, values in weights.items():
            self.register_parameter(name, nn.Parameter(torch.from_numpy(values.copy())))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        embedded = nn.functional.embedding(tokens, self.table)
        query, key, value = embedded @ self.w_query, embedded @ self.w_key, embedded @ self.w_value
        if self.fused:
            added = torch.where(mask[:, None, :], 0.0, float("-inf")).to(embedded.dtype)
            mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=added)
        else:
            scores = (query @ key.transpose(1, 2) * 8**-0.5).masked_fill(~mask[:, None, :], -10000.0)
            mixed = scores.softmax(-1) @ value
        return nn.functional.layer_norm(embedded + mixed @ self.w_out, (8,), self.gain, self.shift)


def module(*, fused: bool = False) -> Attention:
    """The network with the weights of its graph."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in attention().graph.initializer}
    names = ("table", "w_query", "w_key", "w_value", "w_out", "gain", "shift")
    return Attention({name: weights[name] for name in names}, fused=fused).eval()


MODULE_DEFECTS: dict[str, tuple[Change, str]] = {
    "a weight": (changed_weight("w_value", more_at(7, 1.01)), "'value' (MatMul of embedded, w_value)"),
    "another row of the table": (changed_weight("table", more_at(9, 2)), "'embedded' (Gather of table, tokens)"),
    "another scale": (changed_weight("scale", lambda values: values * 1.4), "'scaled' (Mul of products, scale)"),
    "softmax on the wrong axis": (attribute("Softmax", "axis", 1), "'weights' (Softmax of masked)"),
    "sum is a difference": (operator("Add", "Sub"), "'summed' (Sub of embedded, projected)"),
    "another epsilon": (attribute("LayerNormalization", "epsilon", 1e-2), "'y' (LayerNormalization of summed, "),
}
"""What is done to the export of a module, and the node that the place must name."""


@pytest.mark.parametrize("defect", list(MODULE_DEFECTS))
def test_defect_in_an_export_is_found_against_its_module(defect: str, tmp_path: Path) -> None:
    change, node = MODULE_DEFECTS[defect]
    candidate = attention()
    change(candidate)

    report = compared(candidate, module(), "attention", tmp_path, "onnxruntime-all")

    place = report.backends[0].place
    assert not report.holds
    assert node in place.partition(" is off by ")[0]


def test_defect_among_operators_that_pytorch_fuses_is_named(tmp_path: Path) -> None:
    candidate = attention()
    changed_weight("scale", lambda values: values * 1.4)(candidate)

    report = compared(candidate, module(fused=True), "attention", tmp_path, "onnxruntime-all")

    assert "'scaled' (Mul of products, scale)" in report.backends[0].place


@pytest.mark.parametrize("fused", [False, True])
def test_graph_of_the_module_holds_and_has_no_place(fused: bool, tmp_path: Path) -> None:
    report = compared(attention(), module(fused=fused), "attention", tmp_path, "onnxruntime-all,onnx-reference")

    assert report.holds, report
    assert {backend.place for backend in report.backends} == {""}


BACKEND_DEFECTS: dict[str, tuple[str, str, Change, str]] = {
    "softmax": ("attention", "weights", enlarging("weights", "attention"), "'weights' (Softmax of masked) is off by "),
    "mask": ("attention", "rows", flipping("rows", "attention"), "'rows' (Unsqueeze of mask, axis) is wrong in "),
    "recurrence": ("recurrent", "last", enlarging("last", "recurrent"), "(GRU of steps, w, r, b) is off by "),
    "branch": ("branching", "chosen", enlarging("chosen", "branching"), "'chosen' (If of positive) is off by "),
    "loop": ("looping", "end", enlarging("end", "looping"), "'end' (Loop of times, go, start) is off by "),
    "function": (
        "calling",
        "active",
        enlarging("active", "calling"),
        "'active' (Block of hidden, b1, a function) is off",
    ),
    "no batch": (
        "unbatched",
        "scaled",
        enlarging("scaled", "unbatched"),
        "'scaled' (Mul of product, factor) is off by ",
    ),
    "boolean output": ("unbatched", "big", flipping("big", "unbatched"), "'big' (Greater of sums, zero) is wrong in "),
    "transposed": (
        "convolutional",
        "large",
        enlarging("large", "convolutional"),
        "'large' (ConvTranspose of wide, w3, b3)",
    ),
}
"""Graph, tensor, what a backend makes of it, and what the place must say."""


@pytest.mark.parametrize("defect", list(BACKEND_DEFECTS))
def test_node_that_a_backend_computes_wrongly_is_named(
    defect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, change, words = BACKEND_DEFECTS[defect]
    monkeypatch.setitem(BACKENDS, "crooked", Crooked("crooked", change))

    report = compared(GRAPHS[name](), GRAPHS[name](), name, tmp_path, "crooked")

    place = report.backends[0].place
    assert not report.holds
    assert place.startswith("graph, node ")
    assert words in place
    assert place.endswith("; the file is right: onnx-reference, onnxruntime-none and onnxruntime-all hold")
    assert report.backends[0].rung == "crooked"


@pytest.mark.parametrize(("name", "kind"), [("branching", "If"), ("looping", "Loop"), ("recurrent", "GRU")])
def test_operator_that_a_backend_does_not_know_is_named(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = refusing(lambda model: any(node.op_type == kind for node in model.graph.node), unchanged)
    monkeypatch.setitem(BACKENDS, "crooked", Crooked("crooked", refuse))

    report = compared(GRAPHS[name](), GRAPHS[name](), name, tmp_path, "crooked")

    assert f" ({kind} of " in report.backends[0].place
    assert " gives no answer: " in report.backends[0].place
