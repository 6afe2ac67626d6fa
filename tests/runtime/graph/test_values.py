"""Arithmetic on shapes: what the abstract run follows by value, onnxruntime computes, optimised or not."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from vaeport.errors import BundleError
from vaeport.graph.reading import read_model
from vaeport.graph.shapes.call import Known
from vaeport.graph.shapes.run import Plan

EXTREMES = (0, 1, -1, 2, 3, 7, 1000, 2**31 - 1, -(2**31), 2**53 + 1, 2**62, 2**63 - 1, -(2**63))
BINARY = ("Add", "Sub", "Mul", "Div", "Mod", "Max", "Min")
TYPES = (TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.UINT8)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[NodeProto], dict[str, int]]:
    """Nodes on the shape [n, 5] of the input `x`, and the constants that they take."""
    nodes, constants, name = [helper.make_node("Shape", ["x"], ["t0"])], dict[str, int](), "t0"
    for step in range(draw(st.integers(1, 6))):
        after, kind = f"t{step + 1}", draw(st.sampled_from(("binary", "swapped", "neg", "abs", "cast", "where")))
        if kind in ("neg", "abs"):
            nodes.append(helper.make_node(kind.title(), [name], [after]))
        elif kind == "cast":
            middle, there = f"m{step}", draw(st.sampled_from(TYPES))
            nodes.append(helper.make_node("Cast", [name], [middle], to=there))
            nodes.append(helper.make_node("Cast", [middle], [after], to=TensorProto.INT64))
        else:
            constants[f"c{step}"] = draw(st.sampled_from(EXTREMES))
            pair = [name, f"c{step}"]
            if kind == "where":
                nodes.append(helper.make_node("Less", pair, [f"m{step}"]))
                nodes.append(helper.make_node("Where", [f"m{step}", *pair], [after]))
            else:
                ordered = pair[::-1] if kind == "swapped" else pair
                nodes.append(helper.make_node(draw(st.sampled_from(BINARY)), ordered, [after]))
        name = after
    return nodes, constants


@settings(max_examples=250, deadline=None)
@given(chain=chains(), rows=st.sampled_from((1, 3, 256)))
def test_followed_integers_are_onnxruntimes(chain: tuple[list[NodeProto], dict[str, int]], rows: int) -> None:
    nodes, constants = chain
    made = [name for node in nodes for name in node.output]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 5])],
        [ValueInfoProto(name=name) for name in made],
        [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()],
    )
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()
    try:
        followed = Plan(read_model(content).graph, opset=18).run({"x": (rows, 5)}, rows).tensors
    except BundleError:
        return  # a divisor that could end the process
    for optimised in (False, True):
        answers = run(content, np.zeros((rows, 5), np.float32), optimised=optimised)
        for name, answer in zip(made, answers, strict=True):
            assert followed[name].shape == answer.shape
            value = followed[name].value
            if value is not None:
                np.testing.assert_array_equal(value, answer, err_msg=f"{name}, optimised: {optimised}")


def run(content: bytes, x: np.ndarray[Any, Any], *, optimised: bool) -> list[np.ndarray[Any, Any]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    answers: list[np.ndarray[Any, Any]] = session.run(None, {"x": x})
    return answers


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (-(2**30) + 1, 3, -357913941), (0, 5, 0)],
)
def test_integers_are_cut_towards_zero(dividend: int, divisor: int, quotient: int) -> None:
    assert followed("Div", dividend, divisor) == quotient


@pytest.mark.parametrize(
    ("operator", "first", "second", "dtype"),
    [
        ("Add", 2**62, 2**62, np.int64),
        ("Add", 2**30, 0, np.int64),
        ("Max", 0, 2**31, np.int64),
        ("Min", -(2**63), 5, np.int64),
        ("Mul", 2**29, 2**29, np.int32),
        ("Sub", 1, 2, np.uint8),
        ("Add", 200, 56, np.uint8),
    ],
)
def test_integers_that_kernels_could_get_wrong_are_not_followed(
    operator: str, first: int, second: int, dtype: type
) -> None:
    assert followed(operator, first, second, dtype=dtype) is None
    assert followed(operator, 3, 2, dtype=dtype) is not None


@pytest.mark.parametrize(("first", "second"), [(1.0, np.nan), (3e38, 3e38), (np.inf, 1.0)])
def test_floats_that_are_not_finite_are_not_followed(first: float, second: float) -> None:
    for operator in ("Add", "Max", "Min"):
        if (operator, first) != ("Max", 3e38) and (operator, first) != ("Min", 3e38):
            value = followed(operator, first, second, dtype=np.float32)
            assert value is None or np.isfinite(value)


def test_quotient_of_floats_is_not_followed() -> None:
    """An optimisation turns (1 / x) * y into y / x, which can round to another whole number."""
    assert followed("Div", 1.0, 3.0, dtype=np.float32) is None


def followed(operator: str, first: float, second: float, *, dtype: type = np.int64) -> Any:
    """The value of one node on two constants, None where it is not followed."""
    constants = [numpy_helper.from_array(np.array(x, dtype), name) for x, name in ((first, "a"), (second, "b"))]
    graph = helper.make_graph(
        [helper.make_node(operator, ["a", "b"], ["y"])], "one", [], [ValueInfoProto(name="y")], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    known: Known = Plan(read_model(model.SerializeToString()).graph, opset=18).run({}, 1).tensors["y"]
    return None if known.value is None else known.value.item()
