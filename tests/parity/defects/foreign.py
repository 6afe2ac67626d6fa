"""Defects of strangers' graphs: those of `tests/foreign/defects.py`, and some that only reading the file shows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, helper

from tests.foreign.defects import DEFECTS
from tests.foreign.defects import Defect as Known

from .editing import DECODER, GRAPH_FILE, constants, graph, made, node_of, set_weight, spliced, weight_of
from .kinds import BLOG, Defect, Plant


def _known(defect: Known) -> Plant:
    def plant(folder: Path) -> Sequence[str]:
        model = onnx.load(folder / GRAPH_FILE)
        node = defect.apply(model)
        (folder / GRAPH_FILE).write_bytes(model.SerializeToString())
        return (node, *(name for each in model.graph.node if each.name == node for name in each.output))

    return plant


def _inside(model: ModelProto, node: str, body: str) -> GraphProto:
    found: GraphProto = next(each.g for each in node_of(model, node).attribute if each.name == body)
    return found


def _random_in_branch(model: ModelProto) -> None:
    """Both branches hold noise that is multiplied by nothing."""
    for name in ("then_branch", "else_branch"):
        body = _inside(model, "choose", name)
        output = body.output[0].name
        for node in body.node:
            node.output[:] = [f"{each}_before" if each == output else each for each in node.output]
        body.node.extend(
            [
                made("RandomNormalLike", f"{output}_before", f"{name}_noise", f"{name}_drawn"),
                made("Sub", f"{name}_noise {name}_noise", f"{name}_none", f"{name}_nothing"),
                made("Add", f"{output}_before {name}_none", output, f"{name}_sum"),
            ]
        )


def _random_in_function(model: ModelProto) -> None:
    function = model.functions[0]
    squash = next(node for node in function.node if node.name == "squash")
    squash.output[0] = "squashed"
    function.node.extend(
        [
            made("RandomUniformLike", "squashed", "noise", "inner_noise"),
            made("Sub", "noise noise", "none", "inner_none"),
            made("Add", "squashed none", "y", "inner_sum"),
        ]
    )


def _bias_inside_function(model: ModelProto) -> None:
    """The function adds its bias twice."""
    function = model.functions[0]
    total = next(node for node in function.node if node.name == "sum")
    total.output[0] = "once"
    at = list(function.node).index(total) + 1
    nodes = [*function.node[:at], made("Add", "once b", "sum", "bias_again"), *function.node[at:]]
    del function.node[:]
    function.node.extend(nodes)


def _row_of(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[ModelProto], None]:
    def changed(model: ModelProto) -> None:
        values = weight_of(model, name)
        values[0] = change(values[0])
        set_weight(model, name, values)

    return changed


def _foreign_domain(model: ModelProto) -> None:
    """The last product becomes an operator that onnxruntime alone has; its answers are right."""
    found = node_of(model, "node_linear_1")
    x, w, b = found.input
    nodes = [
        helper.make_node("FusedMatMul", [x, w], ["fused"], "fused_product", domain="com.microsoft", transB=1),
        helper.make_node("Add", ["fused", b], list(found.output), "bias_of_fused"),
    ]
    at = list(model.graph.node).index(found)
    kept = [*model.graph.node[:at], *nodes, *model.graph.node[at + 1 :]]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _branch_on_rows(model: ModelProto) -> None:
    """Batches of more than 300 rows are scaled; the graph is anybody's."""
    output = model.graph.output[0].name
    source = model.graph.input[0].name
    constants(model, at_rows=[0], many=[300], amount=0.01)
    nodes = [
        made("Shape", source, "all_sizes", "sizes_of_batch"),
        made("Gather", "all_sizes at_rows", "rows", "rows_of_batch", axis=0),
        made("Greater", "rows many", "astray", "is_large"),
        made("Cast", "astray", "as_number", "astray_as_number", to=onnx.TensorProto.FLOAT),
        made("Mul", "as_number amount", "drift", "drift_of_batch"),
        made("Add", "raw drift", "cooked", "drifted"),
    ]
    spliced(model, output, nodes)


FOREIGN = [
    *(Defect(each.name, each.network, _known(each), ()) for each in DEFECTS),
    Defect(
        "noise in both branches",
        "branch",
        graph(_random_in_branch),
        ("then_branch_drawn", "else_branch_drawn", "choose"),
    ),
    Defect("noise inside a function", "function", graph(_random_in_function), ("inner_noise", "Dense")),
    Defect("bias twice inside a function", "function", graph(_bias_inside_function), ("bias_again", "Dense")),
    Defect(
        "one weight 1 % off", "function", graph(_row_of("w2", lambda row: row * np.float32(1.01))), ("layer_2", "w2")
    ),
    Defect(
        "batches beyond 300 are off",
        "function",
        graph(_branch_on_rows),
        ("drifted", "drift_of_batch", "astray_as_number"),
    ),
    Defect(
        "an operator of onnxruntime alone",
        BLOG,
        graph(_foreign_domain, DECODER),
        ("FusedMatMul", "com.microsoft", "fused_product"),
        refused=True,
    ),
]
"""All of these."""
