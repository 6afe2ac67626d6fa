"""Of all files that speak of a graph, the one that contradicts the others is named, and no other."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, numpy_helper
from safetensors.numpy import load_file, save_file

from tests.export.material import sealed_again
from vaeport.bundle.golden import parse_golden
from vaeport.bundle.opening import open_bundle
from vaeport.contract import DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS
from vaeport_export.bundle.subject import subject_of
from vaeport_export.graph.running import onnxruntime_answers

SHIPPED = Path(__file__).parents[2] / "models/mnist-blog"
WEIGHT = "decoder.layers.2.weight"
Plant = Callable[[Path], object]


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    """A copy of the shipped bundle of the blog's network, in all its precisions, to be changed at will."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "mnist-blog"))


def blamed(bundle: Path, graph: str, precision: str = FP32) -> str:
    """The file that stands alone; empty where none does."""
    blame = subject_of(open_bundle(bundle), precision).blame
    assert blame is not None
    found = blame(graph)
    return found.file if found else ""


@pytest.mark.parametrize("precision", [FP32, "fp16", "int8"])
@pytest.mark.parametrize("graph", list(GRAPHS))
def test_nobody_is_blamed_in_an_intact_bundle(graph: str, precision: str) -> None:
    assert blamed(SHIPPED, graph, precision) == ""


def change_weight(bundle: Path) -> None:
    path = bundle / "checkpoint/model.safetensors"
    tensors = {name: values.copy() for name, values in load_file(path).items()}
    tensors[WEIGHT] *= np.float32(1.01)
    save_file(tensors, path, metadata={"vaeport": json.dumps({"epochs": 20})})


def change_program(bundle: Path) -> None:
    path = bundle / "checkpoint/decoder.json"
    values: dict[str, Any] = json.loads(path.read_text())
    node = next(each for each in values["nodes"] if each["target"] == "aten.sigmoid.default")
    node["target"] = "aten.tanh.default"
    path.write_text(json.dumps(values))


def change_config(bundle: Path) -> None:
    path = bundle / "checkpoint/config.json"
    values = json.loads(path.read_text())
    values["config"]["network"]["activation"] = "gelu"
    path.write_text(json.dumps(values))


def edit(precision: str, name: str) -> Plant:
    """Make one value of a weight of the decoder another."""

    def change(bundle: Path) -> None:
        path = bundle / GRAPHS[DECODER].file(precision)
        model: ModelProto = onnx.load_model(path)
        tensor = next(each for each in model.graph.initializer if each.name == name)
        values = numpy_helper.to_array(tensor).copy()
        values.flat[3] += values.dtype.type(1)
        tensor.CopyFrom(numpy_helper.from_array(values, name))
        path.write_bytes(model.SerializeToString(deterministic=True))

    return change


def change_golden(*names: str) -> Plant:
    def change(bundle: Path) -> None:
        with np.load(bundle / GOLDEN_FILE) as held:
            arrays = {name: held[name].copy() for name in held.files}
        for name in names:
            arrays[name] = np.roll(arrays[name], 1, axis=0)
        with (bundle / GOLDEN_FILE).open("wb") as file:
            np.savez_compressed(file, **arrays)

    return change


def change_case(bundle: Path) -> None:
    file = bundle / FP32 / DECODER / "test_data_set_0/output_0.pb"
    tensor = TensorProto.FromString(file.read_bytes())
    file.write_bytes(numpy_helper.from_array(1 - numpy_helper.to_array(tensor), tensor.name).SerializeToString())


BOTH = ("decoder.image.float32", "decoder.image.float64")


@pytest.mark.parametrize(
    ("plant", "precision", "file"),
    [
        (change_weight, FP32, "checkpoint/model.safetensors"),
        (change_program, FP32, "checkpoint/decoder.json"),
        (change_config, FP32, "checkpoint/config.json"),
        (edit(FP32, "network.decoder.layers.2.bias"), FP32, "fp32/decoder/model.onnx"),
        (change_golden(*BOTH), FP32, "golden.npz"),
        (change_golden(BOTH[1]), FP32, "golden.npz"),
        (change_case, FP32, "fp32/decoder/test_data_set_0"),
        (edit("fp16", "network.decoder.layers.2.bias"), "fp16", "fp16/decoder/model.onnx"),
        (change_golden("decoder.image.fp16"), "fp16", "golden.npz"),
        (edit("int8", "network.decoder.layers.0.weight_scale"), "int8", "int8/decoder/model.onnx"),
        (edit(FP32, "network.decoder.layers.2.bias"), "fp16", "fp32/decoder/model.onnx"),
    ],
)
def test_file_that_contradicts_the_others_is_blamed(plant: Plant, precision: str, file: str, blog: Path) -> None:
    plant(blog)
    sealed_again(blog)

    assert blamed(blog, DECODER, precision) == file


def test_blame_says_what_is_off_and_who_agrees(blog: Path) -> None:
    change_weight(blog)
    blame = subject_of(open_bundle(sealed_again(blog))).blame

    assert blame is not None
    found = blame(DECODER)
    assert found is not None
    assert found.text.startswith("it contradicts all others: image is off by 0.0025")
    assert found.text.endswith("the graph, the golden answers, the test case agree with each other")
    assert blame(ENCODER_CLASSIFIER) is None


@pytest.mark.parametrize("keep", ["lower", "float64", "case"])
def test_checkpoint_is_not_blamed_where_a_forger_made_the_others_agree(keep: str, blog: Path) -> None:
    """A changed graph whose answers were recorded anew; something that was forgotten gives it away."""
    edit(FP32, "network.decoder.layers.2.bias")(blog)
    content = (blog / GRAPHS[DECODER].file(FP32)).read_bytes()
    manifest = open_bundle(SHIPPED).manifest
    golden = parse_golden((blog / GOLDEN_FILE).read_bytes(), manifest.shapes, manifest.precisions)
    answers = onnxruntime_answers(content, DECODER, golden.inputs(DECODER), optimised=False)["image"]
    wide = answers.astype(np.float64)
    golden.answers[DECODER] = {
        "float32": {"image": answers},
        "float64": {"image": wide if keep == "float64" else wide + 1e-9},
    }
    with (blog / GOLDEN_FILE).open("wb") as file:
        np.savez_compressed(file, **golden.to_arrays())  # type: ignore[arg-type]
    if keep != "case":
        case = blog / FP32 / DECODER / "test_data_set_0/output_0.pb"
        case.write_bytes(numpy_helper.from_array(answers[:16], "image").SerializeToString())

    assert blamed(sealed_again(blog), DECODER) == ""
