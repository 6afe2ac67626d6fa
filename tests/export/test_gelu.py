from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.export.material import Opened, rewritten
from vaeport.contract import GRAPHS
from vaeport_export.graph.spelling import halve_gelu_first

WIDTH = 1000


def one_gelu(*, read_twice: bool = False) -> ModelProto:
    """GELU as PyTorch's exporter writes it; with a second output, its half is read from outside."""
    nodes = [
        helper.make_node("Div", ["x", "root"], ["scaled"]),
        helper.make_node("Erf", ["scaled"], ["erf"]),
        helper.make_node("Add", ["erf", "one"], ["more"]),
        helper.make_node("Mul", ["half", "more"], ["halved"]),
        helper.make_node("Mul", ["x", "halved"], ["y"]),
        *([helper.make_node("Neg", ["halved"], ["z"])] if read_twice else []),
    ]
    constants = {"root": 2**0.5, "one": 1.0, "half": 0.5}
    tensors = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()]
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", WIDTH])
        for name in ("x", "y", *(["z"] if read_twice else []))
    }
    graph = helper.make_graph(nodes, "graph", [values.pop("x")], list(values.values()), tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_no_bit_of_the_answer_changes() -> None:
    x = np.random.default_rng(0).normal(0, 5, (50, WIDTH)).astype(np.float32)
    original = one_gelu()

    (expected,) = ReferenceEvaluator(original).run(None, {"x": x})
    (answer,) = ReferenceEvaluator(rewritten(original, halve_gelu_first)).run(None, {"x": x})

    np.testing.assert_array_equal(answer, expected)


def test_onnxruntime_knows_it_for_one_operator(tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4

    onnxruntime.InferenceSession(
        rewritten(one_gelu(), halve_gelu_first).SerializeToString(), options, ["CPUExecutionProvider"]
    )

    assert [node.op_type for node in onnx.load_model(tmp_path / "optimised.onnx").graph.node] == ["Gelu"]


def test_half_that_is_read_elsewhere_too_is_left() -> None:
    original = one_gelu(read_twice=True)

    assert rewritten(original, halve_gelu_first) == original


@pytest.mark.parametrize("graph", list(GRAPHS))
def test_exported_gelus_are_halved_first(graph: str, narrow: Opened) -> None:
    nodes = onnx.load_model_from_string(narrow.onnx(graph)).graph.node
    makers = {name: node for node in nodes for name in node.output}
    sums = {node.output[0] for node in nodes if node.op_type == "Add" and makers[node.input[0]].op_type == "Erf"}

    readers = [node for node in nodes if sums & set(node.input)]

    assert len(readers) == len(sums) > 0
    assert all({makers[name].op_type for name in node.input} == {"Mul", "Add"} for node in readers)
