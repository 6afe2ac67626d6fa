"""Where a file leaves its reference, found by values: the node that is wrong, among much that is only different."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from tests.parity.locating.graphs import GRAPHS, built, inputs_of
from tests.parity.locating.planting import NETWORKS, PLANTED, Case, cases, dense, residual, with_identities
from vaeport_parity.locating.departure import Departure, Search
from vaeport_parity.locating.file_search import side_by_side
from vaeport_parity.locating.graph_run import GraphRun
from vaeport_parity.locating.telling import told
from vaeport_parity.locating.tensors import difference
from vaeport_parity.locating.yardstick import yardstick_of

LEAST_RIGHT = 0.9
"""Share of planted defects whose place must be right."""

Inputs = dict[str, NDArray[Any]]


def inputs_for(network: str) -> Inputs:
    rng = np.random.default_rng(5)
    shapes = {"dense": (6, 8), "residual": (4, 2, 6, 6)}
    if network in shapes:
        return {"x": rng.standard_normal(shapes[network]).astype(np.float32)}
    return inputs_of(network, 6)


def searched(model: ModelProto, original: ModelProto, inputs: Inputs) -> tuple[Search, list[Departure]] | None:
    """Departures at the first output that is wrong; None where none is."""
    run, right = GraphRun(model, inputs), GraphRun(original, inputs)
    for info in original.graph.output:
        wanted, given = right.values[info.name], run.values.get(info.name)
        largest = float(np.abs(wanted.astype(np.float64)).max())
        error = difference(given, wanted) if given is not None else float("inf")
        if error > 1e-6 * largest:
            tolerance = min(max(0.01 * error / largest, 1e-12), 1e-6)
            yardstick = yardstick_of(right, "the original", tolerance=tolerance)
            return side_by_side(run, yardstick, info.name, wanted, 1e-6, time.monotonic() + 60, info.name)
    return None


def text_of(model: ModelProto, original: ModelProto, inputs: Inputs) -> str:
    """What is said of the first departure."""
    found = searched(model, original, inputs)
    assert found is not None
    search, departures = found
    return told(departures[0], search, error=1.0)


def is_right(case: Case) -> bool | None:
    """Whether the first place is a planted node; None where the defect changes no answer."""
    found = searched(case.model, NETWORKS[case.network](), inputs_for(case.network))
    if found is None:
        return None
    search, departures = found
    return bool(departures) and search.run.makers[departures[0].tensor].doc_string == PLANTED


def share_of_right_places(count: int, seed: int) -> tuple[float, int]:
    told_of = [right for case in cases(count, seed) if (right := is_right(case)) is not None]
    return sum(told_of) / len(told_of), len(told_of)


def test_nine_of_ten_planted_defects_get_the_right_place() -> None:
    share, tried = share_of_right_places(70, seed=0)

    assert tried >= 60
    assert share >= LEAST_RIGHT


@pytest.mark.torture
def test_nine_of_ten_of_many_planted_defects_get_the_right_place() -> None:
    share, tried = share_of_right_places(1000, seed=1)

    assert tried >= 900
    assert share >= LEAST_RIGHT


def weight(model: ModelProto, name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    tensor = next(each for each in model.graph.initializer if each.name == name)
    values = change(numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))


def perceptron() -> ModelProto:
    return built(
        """<ir_version: 9, opset_import: ["": 18]>
        perceptron (float[batch, 8] x) => (float[batch, 5] y) {
            hidden = Gemm <transB = 1> (x, w1, b1)
            active = Tanh (hidden)
            y = Gemm <transB = 1> (active, w2, b2)
        }""",
        {"w1": (12, 8), "b1": (12,), "w2": (5, 12), "b2": (5,)},
    )


@pytest.mark.parametrize(("name", "node"), [("b1", "'hidden' (Gemm"), ("w2", "'y' (Gemm")])
def test_defect_among_permuted_units_is_found(name: str, node: str) -> None:
    model, order = perceptron(), np.random.default_rng(0).permutation(12)
    for each in ("w1", "b1"):
        weight(model, each, lambda values: values[order])
    weight(model, "w2", lambda values: values[:, order])

    def off(values: NDArray[Any]) -> NDArray[Any]:
        values.flat[3] += 0.25
        return values

    weight(model, name, off)

    text = text_of(model, perceptron(), inputs_for("dense"))

    assert node in text
    assert "1 of " in text


def test_permuted_units_alone_are_no_departure() -> None:
    model, order = perceptron(), np.random.default_rng(0).permutation(12)
    for each in ("w1", "b1"):
        weight(model, each, lambda values: values[order])
    weight(model, "w2", lambda values: values[:, order])

    assert searched(model, perceptron(), inputs_for("dense")) is None


def test_fold_of_a_normalisation_is_passed_over() -> None:
    model = residual()
    values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    factor = values["scale"] / np.sqrt(values["spread"] + np.float32(0.001))
    weight(model, "w1", lambda kernel: kernel * factor[:, None, None, None])
    weight(model, "b1", lambda bias: (bias - values["mean"]) * factor + values["offset"])
    folded = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
    model.graph.node.remove(folded)
    model.graph.node[0].output[0] = "normal"
    weight(model, "w2", lambda kernel: kernel * np.float32(1.01))

    assert "(Conv of active, w2, b2)" in text_of(model, residual(), inputs_for("residual"))


def test_two_defects_are_both_found() -> None:
    model = dense()
    model.graph.node[1].op_type = "Softplus"
    weight(model, "b3", lambda bias: bias + np.float32(1))

    found = searched(model, dense(), inputs_for("dense"))

    assert found is not None
    search, departures = found
    assert [search.run.makers[each.tensor].op_type for each in departures] == ["Softplus", "Add"]


def test_node_that_gives_nothing_is_named_with_what_differs() -> None:
    model = GRAPHS["unbatched"]()
    weight(model, "last", lambda _: np.array([5], np.int64))

    text = text_of(model, GRAPHS["unbatched"](), inputs_for("unbatched"))

    assert "(ReduceSum of y, last) gives nothing" in text
    assert "its last is [5], in the original [1]" in text


def test_missing_last_node_is_named() -> None:
    model = dense()
    model.graph.node.pop()
    model.graph.node.append(helper.make_node("Identity", ["y"], ["shares"], name="through"))

    assert "(Softmax of y) of the original is missing" in text_of(model, dense(), inputs_for("dense"))


def test_exchanged_outputs_are_named_with_where_the_right_one_is() -> None:
    model = dense()
    names = {"y": "shares", "shares": "y"}
    for node in model.graph.node:
        for places in (node.input, node.output):
            places[:] = [names.get(each, each) for each in places]

    text = text_of(model, dense(), inputs_for("dense"))

    assert "it gives what the original has in 'shares', not in 'y'" in text


def test_drift_that_hangs_on_the_batch_is_found_behind_identities() -> None:
    model = dense()
    for name, value in (("limit", [5]), ("axis", [0]), ("amount", np.float32(0.25))):
        kind = np.float32 if name == "amount" else np.int64
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, kind), name))
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "axis"], ["rows"]),
        helper.make_node("Greater", ["rows", "limit"], ["many"]),
        helper.make_node("Cast", ["many"], ["number"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "amount"], ["drift"]),
        helper.make_node("Add", ["second", "drift"], ["drifted"], name="drifting"),
    ]
    at = next(index for index, node in enumerate(model.graph.node) if node.output[0] == "second") + 1
    for place, node in enumerate(nodes):
        model.graph.node.insert(at + place, node)
    model.graph.node[at + len(nodes)].input[0] = "drifted"
    with_identities(model, np.random.default_rng(1))

    text = text_of(model, dense(), inputs_for("dense"))

    assert "'drifting' (Add of" in text
    assert "it is not in the original" in text
