import numpy as np
import onnx
import pytest
from onnx import ModelProto

from tests.export.test_mutations import store_weights_in_float16
from vaeport_export.bundle.subject import Subject
from vaeport_parity.locating.tensors import ExactGraph, cut_off


@pytest.fixture(scope="module")
def decoder(narrow: Subject) -> ModelProto:
    return onnx.shape_inference.infer_shapes(onnx.load_model_from_string(narrow.onnx("decoder")))


def test_cut_off_graph_keeps_name_inputs_and_metadata(decoder: ModelProto) -> None:
    part = cut_off(decoder, "linear")

    onnx.checker.check_model(part, full_check=True)
    assert part.graph.name == "decoder"
    assert [info.name for info in part.graph.input] == ["z", "class_probs"]
    assert [info.name for info in part.graph.output] == ["linear"]
    assert part.metadata_props == decoder.metadata_props
    assert (part.ir_version, part.opset_import) == (decoder.ir_version, decoder.opset_import)


def test_effect_is_what_the_rest_of_the_graph_makes_of_an_error(decoder: ModelProto) -> None:
    inputs = {"z": np.zeros((2, 4), np.float32), "class_probs": np.eye(10, dtype=np.float32)[:2]}
    exact = ExactGraph(decoder, inputs)
    view = exact.values["view"]

    assert exact.effect("view", view, "image") == 0
    assert exact.effect("image", exact.values["image"] + 0.5, "image") == pytest.approx(0.5)
    expected = np.max(1 / (1 + np.exp(-view - 1)) - 1 / (1 + np.exp(-view)))
    assert exact.effect("view", view + 1, "image") == pytest.approx(expected)


def test_tensor_that_is_no_number_has_no_bounded_effect(decoder: ModelProto) -> None:
    inputs = {"z": np.zeros((1, 4), np.float32), "class_probs": np.eye(10, dtype=np.float32)[:1]}
    exact = ExactGraph(decoder, inputs)

    assert exact.effect("view", np.full_like(exact.values["view"], np.nan), "image") == float("inf")


def test_graph_with_float16_in_it_is_computed_in_float64_too(narrow: Subject) -> None:
    model = onnx.load_model_from_string(narrow.onnx("decoder"))
    store_weights_in_float16(model)
    inputs = {"z": np.zeros((1, 4), np.float32), "class_probs": np.eye(10, dtype=np.float32)[:1]}

    values = ExactGraph(onnx.shape_inference.infer_shapes(model), inputs).values

    assert {name for name, value in values.items() if value.dtype in (np.float16, np.float32)} == set()
    assert values["image"].dtype == np.float64
