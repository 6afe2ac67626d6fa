from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from tests.parity.backends.graphs import BOOL, CASES, FLOAT, LONG_NAME, floats, model_of
from vaeport_parity.running.plain_names import plain_copy


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def names_of(model: onnx.ModelProto) -> tuple[list[str], list[str]]:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in weights]
    return inputs, [value.name for value in model.graph.output]


def test_plain_names_are_left_alone(tmp_path: Path) -> None:
    model = next(case for case in CASES if case.name == "tokens").model

    assert plain_copy(saved(model, tmp_path), *names_of(model), tmp_path / "copy") is None
    assert not (tmp_path / "copy").exists()


def test_odd_names_become_identifiers_that_are_not_taken(tmp_path: Path) -> None:
    model = next(case for case in CASES if case.name == "odd/na:me s").model

    copy = plain_copy(saved(model, tmp_path), *names_of(model), tmp_path / "copy")

    assert copy is not None
    assert all(name.isidentifier() and name.isascii() and len(name) < 60 for name in copy.names.values())
    assert len(set(copy.names.values())) == len(copy.names) == 5
    assert copy.names[LONG_NAME].startswith("t_layers_very_long_name")
    onnx.checker.check_model(onnx.load(copy.path), full_check=True)


@pytest.mark.parametrize("flag", [True, False])
def test_subgraphs_read_the_renamed_input(flag: bool, tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("t_a_x", FLOAT, ["n"])
    branches = [
        helper.make_graph([helper.make_node(kind, ["a/x"], ["t_a_x"])], kind, [], [value]) for kind in ("Exp", "Neg")
    ]
    node = helper.make_node("If", ["self"], ["y:0"], then_branch=branches[0], else_branch=branches[1])
    model = model_of("g", [node], [("self", BOOL, []), ("a/x", FLOAT, ["n"])], [("y:0", FLOAT, ["n"])])

    copy = plain_copy(saved(model, tmp_path), *names_of(model), tmp_path / "copy")

    assert copy is not None
    x = floats(3)
    session = onnxruntime.InferenceSession(copy.path, providers=["CPUExecutionProvider"])
    (found,) = session.run([copy.names["y:0"]], {copy.names["self"]: np.array(flag), copy.names["a/x"]: x})
    assert copy.names["a/x"] != "t_a_x"
    assert np.allclose(found, np.exp(x) if flag else -x)


def test_inputs_with_a_value_in_the_file_are_no_inputs_of_the_copy(tmp_path: Path) -> None:
    model = model_of(
        "g", [helper.make_node("Add", ["x", "w"], ["y"])], [("x", FLOAT, [2]), ("w", FLOAT, [2])], [("y", FLOAT, [2])]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.ones(2, np.float32), "w"))

    copy = plain_copy(saved(model, tmp_path), ["x"], ["y"], tmp_path / "copy")

    assert copy is not None
    assert [value.name for value in onnx.load(copy.path).graph.input] == [copy.names["x"]] == ["x"]


def test_weights_beside_the_file_come_along(tmp_path: Path) -> None:
    node = helper.make_node("Add", ["a/x", "w"], ["y"])
    weights = {"w": np.arange(4000, dtype=np.float32)}
    model = model_of("g", [node], [("a/x", FLOAT, [4000])], [("y", FLOAT, [4000])], weights)
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin")

    copy = plain_copy(tmp_path / "model.onnx", ["a/x"], ["y"], tmp_path / "copy")

    assert copy is not None
    session = onnxruntime.InferenceSession(copy.path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {copy.names["a/x"]: np.zeros(4000, np.float32)})
    assert np.array_equal(found, np.arange(4000))
