"""A graph computed node by node, parts of it again."""

import numpy as np
import pytest
from onnx import helper

from tests.parity.locating.graphs import GRAPHS, inputs_of
from tests.parity.locating.planting import dense
from vaeport_parity.locating.graph_run import GraphRun
from vaeport_parity.locating.tensors import exact_values

X = {"x": np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)}


@pytest.mark.parametrize("name", list(GRAPHS))
def test_every_tensor_is_what_the_whole_graph_computes(name: str) -> None:
    model, inputs = GRAPHS[name](), inputs_of(name)

    run, whole = GraphRun(model, inputs), exact_values(model, inputs)

    made = [output for node in model.graph.node for output in node.output]
    assert run.failed == {}
    assert [each for each in made if not np.allclose(run.values[each], whole[each], rtol=0, atol=1e-12)] == []


def test_replaced_value_changes_what_follows_and_nothing_else() -> None:
    run = GraphRun(dense(), X)

    again = run.again({"second": np.zeros_like(run.values["second"])})

    assert np.array_equal(again["bent"], np.zeros_like(run.values["bent"]))
    assert np.array_equal(again["active"], run.values["active"])
    assert not np.array_equal(again["y"], run.values["y"])
    assert np.array_equal(run.values["y"], GraphRun(dense(), X).values["y"])


def test_failing_node_leaves_the_rest_that_does_not_follow_from_it() -> None:
    model = dense()
    model.graph.node[3].op_type = "Mystery"

    run = GraphRun(model, X)

    assert "Mystery" in run.failed["bent"]
    assert "second" in run.values
    assert "y" not in run.values


def test_failing_node_is_passed_over_where_its_output_is_given() -> None:
    right, model = GraphRun(dense(), X), dense()
    model.graph.node[3].op_type = "Mystery"

    again = GraphRun(model, X).again({"bent": right.values["bent"]})

    assert np.allclose(again["y"], right.values["y"])


def test_operator_of_onnxruntime_alone_is_run_there() -> None:
    model = dense()
    model.graph.node[6].CopyFrom(helper.make_node("FusedMatMul", ["normal", "w3"], ["product"], domain="com.microsoft"))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    run = GraphRun(model, X)

    assert run.failed == {}
    assert np.allclose(run.values["product"], GraphRun(dense(), X).values["product"], atol=1e-5)


def test_random_node_gives_no_value() -> None:
    model = dense()
    model.graph.node[1].op_type = "RandomNormalLike"

    assert "draws random numbers" in GraphRun(model, X).failed["active"]


def test_branch_that_is_taken_and_body_of_a_function_are_computed_inside() -> None:
    branching, calling = (GraphRun(GRAPHS[name](), inputs_of(name)) for name in ("branching", "calling"))

    taken = branching.inner(branching.makers["chosen"])
    called = calling.inner(calling.makers["active"])

    assert taken is not None
    assert taken[2] == "in its then_branch"
    assert np.array_equal(taken[0].values["a"], branching.values["chosen"])
    assert called is not None
    assert np.array_equal(called[0].values["result"], calling.values["active"])
    assert calling.inner(calling.makers["hidden"]) is None


def test_tensors_that_depend_on_sizes_alone_do_not_vary() -> None:
    model = dense()
    model.graph.node.insert(0, helper.make_node("Shape", ["x"], ["sizes"]))

    run = GraphRun(model, X)

    assert "sizes" not in run.varying
    assert "y" in run.varying
    assert run.above("active") == ["first", "active"]
