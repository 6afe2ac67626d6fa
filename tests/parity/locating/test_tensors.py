from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from tests.parity.locating.graphs import GRAPHS, attention, branching, built, calling, inputs_of, looping, recurrent
from vaeport_parity.locating.tensors import ExactGraph, TensorGraph, difference
from vaeport_parity.subjects.tensors import output_specs


def answered(model: ModelProto, inputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The only output of a graph in onnxruntime."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {name: np.asarray(values) for name, values in inputs.items()})
    return np.asarray(answer)


@pytest.mark.parametrize("name", list(GRAPHS))
def test_every_tensor_of_every_graph_can_be_cut_off_and_computed_exactly(name: str) -> None:
    model, inputs = GRAPHS[name](), inputs_of(name)
    graph, exact = TensorGraph(model), ExactGraph(model, inputs)

    for tensor in graph.order:
        part = graph.part(tensor, like=exact.values[tensor])

        onnx.checker.check_model(part, full_check=True)
        assert [info.name for info in part.graph.input] == [info.name for info in model.graph.input]
        assert [spec.name for spec in output_specs(part)] == [tensor]
        assert exact.error(tensor, answered(part, inputs)) < 1e-5


def test_cut_off_graph_keeps_name_metadata_opsets_functions_and_symbolic_axes() -> None:
    model = calling()
    model.metadata_props.add(key="who", value="me")
    model.producer_name = "somebody"

    part = TensorGraph(model).part("out")

    assert part.graph.name == "calling"
    assert (part.metadata_props, part.producer_name) == (model.metadata_props, "somebody")
    assert part.ir_version == model.ir_version
    assert {entry.domain: entry.version for entry in part.opset_import} == {"": 17, "local": 1}
    assert {function.name for function in part.functions} == {"Block", "Squash"}
    assert output_specs(part)[0].shape == ("batch", 2)


def test_cut_off_graph_has_no_functions_that_it_does_not_call() -> None:
    assert not TensorGraph(calling()).part("hidden").functions


def test_what_a_branch_or_a_loop_captures_counts_as_read() -> None:
    assert set(TensorGraph(branching()).reads["chosen"]) == {"positive", "shifted", "two", "hidden"}
    assert set(TensorGraph(looping()).reads["end"]) == {"times", "go", "start", "w"}
    assert {node.op_type for node in TensorGraph(branching()).part("chosen").graph.node} == {"MatMul", "Add", "If"}


def test_tensor_that_depends_on_sizes_alone_is_not_on_the_way() -> None:
    model = built(
        """<ir_version: 8, opset_import: ["": 17]>
        sized (float[batch, 4] x) => (float[batch, 4] y) {
            shape = Shape (x)
            same = Identity (shape)
            negative = Neg (x)
            y = Reshape (negative, same)
        }"""
    )
    graph = TensorGraph(model)

    assert graph.above("y") == ("negative", "y")
    assert graph.above("same") == ("shape", "same")
    assert {"shape", "same"} <= graph.depending


def test_integers_and_booleans_are_tensors_like_others() -> None:
    model, inputs = attention(), inputs_of("attention")
    exact = ExactGraph(model, inputs)
    rows = exact.values["rows"]

    assert rows.dtype == bool
    assert exact.effect("rows", rows, "y") == 0
    assert exact.effect("rows", ~rows, "y") > 0.01


def test_effect_of_one_output_of_a_node_is_not_overwritten_by_the_node() -> None:
    model = built(
        """<ir_version: 8, opset_import: ["": 17]>
        parted (float[batch, 4] x) => (float[batch, 2] y) <int64[2] sizes = {2, 2}> {
            left, right = Split <axis = 1> (x, sizes)
            y = Mul (left, right)
        }"""
    )
    exact = ExactGraph(model, {"x": np.ones((2, 4), np.float32)})

    assert exact.effect("left", exact.values["left"] + 1, "y") == pytest.approx(1)
    assert exact.effect("right", exact.values["right"] + 1, "y") == pytest.approx(1)


def test_effect_is_what_the_rest_of_the_graph_makes_of_an_error() -> None:
    model, inputs = recurrent(), inputs_of("recurrent")
    exact = ExactGraph(model, inputs)
    state = exact.values["state"]
    head, bias = (numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer[-2:])

    expected = np.abs((np.tanh(state + 0.5) @ head.T + bias) - exact.values["y"]).max()

    assert exact.effect("state", (state + 0.5).astype(np.float64), "y") == pytest.approx(expected)
    assert exact.effect("y", exact.values["y"] + 0.5, "y") == pytest.approx(0.5)


def test_tensor_that_is_no_number_has_no_bounded_effect() -> None:
    exact = ExactGraph(recurrent(), inputs_of("recurrent"))

    assert exact.effect("state", np.full_like(exact.values["state"], np.nan), "y") == float("inf")


def test_answers_of_integers_count_the_rows_that_differ() -> None:
    exact = ExactGraph(recurrent(), inputs_of("recurrent"))
    state = exact.values["state"]

    assert exact.effect("state", state, "best") == 0
    assert exact.effect("state", -state, "best") >= 1


def test_same_infinities_are_no_difference() -> None:
    exact = np.array([-np.inf, 1.0, np.nan])

    assert difference(np.array([-np.inf, 1.5, np.nan], np.float32), exact) == 0.5
    assert difference(np.array([0.0, 1.0, np.nan], np.float32), exact) == float("inf")
    assert difference(np.array([1.0]), exact) == float("inf")


def test_type_and_rank_that_onnx_cannot_infer_come_from_the_values() -> None:
    model, inputs = looping(), inputs_of("looping")
    graph, exact = TensorGraph(model), ExactGraph(model, inputs)

    with pytest.raises(ValueError, match="type or rank of tensor 'end' is not known"):
        graph.part("end")

    (spec,) = output_specs(graph.part("end", like=exact.values["end"]))
    assert (spec.dtype, spec.shape) == ("float32", ("end_0", "end_1"))
