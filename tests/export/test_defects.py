import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper

from tests.export.material import compared, edit_onnx, opened, sealed_again, shortcomings
from tests.runtime.tampering import write_manifest
from vaeport.errors import BundleError, InputError, SealError
from vaeport_export.bundle.subject import subject_of

ENCODER, DECODER = "encoder_classifier", "decoder"


def weights(model: ModelProto) -> list[onnx.TensorProto]:
    """Weights and biases, without the scalars and shapes among the constants."""
    return [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) > 1]


def change_one_weight(model: ModelProto, index: int) -> None:
    """Make the largest weight of one tensor larger by a hundredth."""
    tensor = weights(model)[index]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[np.abs(values).argmax()] *= 1.01
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


@pytest.mark.parametrize(("graph", "index"), [(ENCODER, i) for i in range(8)] + [(DECODER, i) for i in range(4)])
def test_one_weight_off_by_a_hundredth_is_caught(graph: str, index: int, copy: Path) -> None:
    edit_onnx(copy, graph, lambda model: change_one_weight(model, index))

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert {failed_graph for failed_graph, _ in shortcomings(report)} == {graph}
    assert {row.backend for row in report.rows if not row.holds} == {"onnxruntime-all"}


def swap_mean_and_logvar(model: ModelProto) -> None:
    names = {"z_mean": "z_logvar", "z_logvar": "z_mean"}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


@pytest.mark.parametrize("backend", ["onnxruntime-none", "onnxruntime-all", "onnx-reference"])
def test_swapped_mean_and_log_variance_are_caught(backend: str, copy: Path) -> None:
    edit_onnx(copy, ENCODER, swap_mean_and_logvar)

    report = compared(sealed_again(copy), backend)

    assert shortcomings(report) == {(ENCODER, "z_mean"), (ENCODER, "z_logvar")}


def test_golden_file_of_another_checkpoint_is_caught(copy: Path, bundles: Path) -> None:
    shutil.copy(bundles / "sibling" / "golden.npz", copy)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert {row.backend for row in report.rows if not row.holds} == {"golden.npz"}
    assert {graph for graph, _ in shortcomings(report)} == {ENCODER, DECODER}


@pytest.mark.parametrize("graph", [ENCODER, DECODER])
def test_graph_of_another_checkpoint_is_caught(graph: str, copy: Path, bundles: Path) -> None:
    shutil.copy(bundles / "sibling" / "fp32" / graph / "model.onnx", copy / "fp32" / graph)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert {failed_graph for failed_graph, _ in shortcomings(report)} == {graph}


def test_checkpoint_of_another_run_is_caught(copy: Path, bundles: Path) -> None:
    shutil.copy(bundles / "sibling" / "checkpoint" / "model.safetensors", copy / "checkpoint")

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert {row.backend for row in report.rows if not row.holds} == {"golden.npz", "onnxruntime-all"}


def swap_two_classes(model: ModelProto) -> None:
    """Exchange the classifier's last two classes: probabilities still sum to 1."""
    last = next(t for t in reversed(weights(model)) if 10 in t.dims and len(t.dims) == 1)
    values = numpy_helper.to_array(last).copy()
    values[[8, 9]] = values[[9, 8]]
    last.CopyFrom(numpy_helper.from_array(values, last.name))


def test_swapped_classes_are_caught(copy: Path) -> None:
    edit_onnx(copy, ENCODER, swap_two_classes)

    report = compared(sealed_again(copy), "onnxruntime-all")

    assert (ENCODER, "class_probs") in shortcomings(report)


def test_nan_is_caught(copy: Path) -> None:
    def poison(model: ModelProto) -> None:
        tensor = weights(model)[-1]
        values = np.full_like(numpy_helper.to_array(tensor), np.nan)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    edit_onnx(copy, DECODER, poison)

    assert shortcomings(compared(sealed_again(copy), "onnxruntime-all")) == {(DECODER, "image")}


def test_checkpoint_of_another_shape_is_refused(copy: Path, bundles: Path) -> None:
    for path in (bundles / "blog" / "checkpoint").iterdir():
        shutil.copy(path, copy / "checkpoint")

    with pytest.raises(BundleError, match="the original of encoder_classifier"):
        opened(sealed_again(copy))


def test_bundle_without_its_checkpoint_points_to_verify(copy: Path) -> None:
    shutil.rmtree(copy / "checkpoint")

    with pytest.raises(InputError, match="vaeport verify"):
        opened(copy)


def test_checkpoint_swapped_after_opening_is_noticed(copy: Path, bundles: Path) -> None:
    """What is compared with is what the seal covers, not what lies there a moment later."""
    bundle = opened(copy).bundle
    shutil.copy(bundles / "sibling" / "checkpoint" / "model.safetensors", copy / "checkpoint")

    with pytest.raises(SealError):
        subject_of(bundle)


def test_noise_floor_of_zero_is_measured_anew_and_its_bound_decides(copy: Path) -> None:
    values = json.loads((copy / "bundle.json").read_text())
    for outputs in values["tolerances"]["fp32"].values():
        for tolerance in outputs.values():
            tolerance.update(noise_floor=0.0, max_abs=0.0)
    write_manifest(copy, values)

    report = compared(copy, "onnxruntime-all")

    assert not report.holds
    assert 0 < max(row.ratio for row in report.rows) < 4
