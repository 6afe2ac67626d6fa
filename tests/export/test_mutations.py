"""Twelve seeded defects, each caught, each with an attribution that names the right place."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from tests.export.material import compared, edit_onnx, opened, sealed_again
from tests.runtime.tampering import write_manifest
from vaeport.bundle.golden import parse_golden
from vaeport.bundle.opening import open_bundle
from vaeport.contract import MANIFEST_FILE
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.reporting.report import Report
from vaeport_parity.reporting.sentences import shortcoming

ENCODER, DECODER = "encoder_classifier", "decoder"


def node_of(model: ModelProto, kind: str) -> onnx.NodeProto:
    node: onnx.NodeProto = next(node for node in model.graph.node if node.op_type == kind)
    return node


def float_weights(model: ModelProto) -> list[TensorProto]:
    return [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) > 1]


def change_a_weight(model: ModelProto) -> None:
    tensor = next(t for t in float_weights(model) if t.name.endswith("layers.2.weight"))
    values = numpy_helper.to_array(tensor).copy()
    values.flat[7] += np.float32(1e-3)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def swap_mean_and_logvar(model: ModelProto) -> None:
    names = {"z_mean": "z_logvar", "z_logvar": "z_mean"}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def softmax_over_the_batch(model: ModelProto) -> None:
    node_of(model, "Softmax").attribute[0].i = 0


def insert_first(model: ModelProto, node: onnx.NodeProto, name: str) -> None:
    for other in model.graph.node:
        other.input[:] = [node.output[0] if read == name else read for read in other.input]
    model.graph.node.insert(0, node)


def transpose_the_image(model: ModelProto) -> None:
    insert_first(model, helper.make_node("Transpose", ["image"], ["turned"], name="turn", perm=[0, 1, 3, 2]), "image")


def bake_the_batch_in(model: ModelProto) -> None:
    shape = next(t for t in model.graph.initializer if t.name == node_of(model, "Reshape").input[1])
    shape.CopyFrom(numpy_helper.from_array(np.array([2, 784], np.int64), shape.name))


def add_noise(model: ModelProto) -> None:
    noise = helper.make_node("RandomNormalLike", ["z"], ["noise"], name="noise", scale=1e-4)
    insert_first(model, helper.make_node("Add", ["z", "noise"], ["noisy"], name="add_noise"), "z")
    model.graph.node.insert(0, noise)


def drop_the_last_sigmoid(model: ModelProto) -> None:
    last = next(node for node in model.graph.node if "image" in node.output)
    before = last.input[0]
    model.graph.node.remove(last)
    for node in model.graph.node:
        node.output[:] = ["image" if name == before else name for name in node.output]


def store_weights_in_float16(model: ModelProto) -> None:
    for tensor in float_weights(model):
        values = numpy_helper.to_array(tensor).astype(np.float16)
        wide = helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{tensor.name}.half"))
        model.graph.node.insert(0, wide)


GRAPH_DEFECTS: dict[str, tuple[str, Callable[[ModelProto], None], tuple[str, ...]]] = {
    "a weight off by 1e-3": (DECODER, change_a_weight, ("Gemm", "layers.2.weight", "1 of", "0.001")),
    "mean and log-variance swapped": (
        ENCODER,
        swap_mean_and_logvar,
        ("Split", "what the export has in 'z_logvar'", "z_mean"),
    ),
    "softmax on the wrong axis": (ENCODER, softmax_over_the_batch, ("Softmax", "axis = 0")),
    "image transposed": (ENCODER, transpose_the_image, ("'turn' (Transpose of image)", "not in the export")),
    "batch baked in": (ENCODER, bake_the_batch_in, ("Reshape", "[2, 784]")),
    "random node": (DECODER, add_noise, ("'noise' (RandomNormalLike of z)", "not in the export")),
    "sigmoid missing": (DECODER, drop_the_last_sigmoid, ("(Sigmoid of", "is missing")),
    "float16 weights": (DECODER, store_weights_in_float16, ("Cast", ".half")),
}
"""Graph, what is done to it, and what the place must name."""


def place_of(report: Report) -> str:
    return next(one.place for one in report.backends)


@pytest.mark.parametrize("defect", list(GRAPH_DEFECTS))
def test_defect_in_a_graph_is_caught_and_its_node_named(defect: str, copy: Path) -> None:
    graph, change, named = GRAPH_DEFECTS[defect]
    edit_onnx(copy, graph, change)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert not report.holds
    assert {row.graph for row in report.rows if not row.holds} <= {graph, "chain"}
    place = place_of(report)
    assert place.startswith(f"fp32/{graph}/model.onnx")
    assert [word for word in named if word not in place] == []


def test_random_operator_is_refused_by_name(copy: Path) -> None:
    edit_onnx(copy, DECODER, add_noise)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert any("RandomNormalLike" in finding.text for finding in report.findings if finding.wrong)
    assert [row.graph for row in report.of("onnxruntime-all") if not row.repeatable] == [DECODER]


def test_decoder_of_another_checkpoint_is_named(copy: Path, bundles: Path) -> None:
    shutil.copy(bundles / "sibling" / "fp32" / DECODER / "model.onnx", copy / "fp32" / DECODER)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert not report.holds
    assert "weights differ from those of the export: it is of other weights" in place_of(report)
    assert place_of(report).startswith("fp32/decoder/model.onnx")


def test_stale_golden_file_is_named(copy: Path, bundles: Path) -> None:
    shutil.copy(bundles / "sibling" / "golden.npz", copy)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert not report.holds
    assert shortcoming(report).startswith("golden.npz: it contradicts all others: image is off by")
    assert place_of(report) == ""


def test_pixels_divided_by_256_are_named(copy: Path) -> None:
    bundle = open_bundle(copy)
    reference = opened(copy).original.reference(ENCODER)
    golden = parse_golden(bundle.read("golden.npz"), bundle.manifest.shapes)
    inputs = {"image": golden.images.astype(np.float32) / np.float32(256)}
    golden.answers[ENCODER] = {
        "float32": chunked_answers(reference, inputs, "native"),
        "float64": chunked_answers(reference, inputs, "float64"),
    }
    with (copy / "golden.npz").open("wb") as file:
        np.savez_compressed(file, **golden.to_arrays())  # type: ignore[arg-type]

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert not report.holds
    assert shortcoming(report) == "golden.npz: its answers are to pixels divided by 256; the contract divides by 255"


def test_labels_in_another_order_are_named(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST_FILE).read_text())
    manifest["labels"] = manifest["labels"][::-1]
    write_manifest(copy, manifest)

    report = compared(copy, "onnxruntime-all")

    assert open_bundle(copy).manifest.labels[0] == "9"
    assert not report.holds
    assert shortcoming(report).startswith("bundle.json: labels are ['9', '8'")


def test_intact_bundle_has_no_place(copy: Path) -> None:
    report = compared(copy, "onnxruntime-all")

    assert report.holds
    assert place_of(report) == ""
