"""`verify` holds on what was sealed, and sees a graph that answers otherwise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.tampering import (
    change_one_byte,
    read_arrays,
    read_manifest,
    reseal,
    reseal_arrays,
    write_manifest,
)
from vaeport import verify
from vaeport.errors import BundleError, SealError
from vaeport.sessions.session import import_onnxruntime

DECODER = "fp32/decoder/model.onnx"


def _nudge_weights(bundle: Path, graph: str, name: bytes) -> None:
    """Change one bit of a weight's mantissa for the first number of an initializer, and seal the bundle again."""
    content = bytearray((bundle / graph).read_bytes())
    start = content.index(b"\x4a", content.index(name)) + 2  # TensorProto.raw_data: tag, length, little-endian floats
    content[start + 2] ^= 0x40
    reseal(bundle, graph, bytes(content))


def test_tiny_bundle_holds(tiny_bundle: Path) -> None:
    report = verify(tiny_bundle)

    assert report.holds
    assert (report.bundle, report.device, report.rows) == ("tiny", "cpu", 13)
    assert report.onnxruntime == import_onnxruntime().__version__
    assert [(check.graph, check.output) for check in report.checks] == [
        ("encoder_classifier", "z_mean"),
        ("encoder_classifier", "z_logvar"),
        ("encoder_classifier", "class_probs"),
        ("decoder", "image"),
    ]


@pytest.mark.parametrize(
    ("given", "yardstick"),
    [
        ([], "PyTorch"),
        (["encoder_classifier", "decoder"], "the given ONNX files"),
        (["encoder_classifier"], "the original"),
        (["decoder"], "the original"),
    ],
)
def test_yardstick_is_what_the_checkpoint_holds(given: list[str], yardstick: str, tiny_bundle: Path) -> None:
    for graph in given:
        reseal(tiny_bundle, f"checkpoint/{graph}.onnx", (tiny_bundle / f"fp32/{graph}/model.onnx").read_bytes())

    assert verify(tiny_bundle).yardstick == yardstick


def test_each_error_is_in_noise_floors(tiny_bundle: Path) -> None:
    for check in verify(tiny_bundle).checks:
        assert check.noise_floor > 0
        assert check.ratio == check.max_abs_error / check.noise_floor
        assert check.max_abs_error <= check.tolerance


def test_changed_weight_falls_short_though_the_seal_holds(tiny_bundle: Path) -> None:
    _nudge_weights(tiny_bundle, DECODER, b"decoder.weight")

    report = verify(tiny_bundle)

    assert not report.holds
    assert [check.output for check in report.checks if not check.holds] == ["image"]


def test_changed_answer_falls_short(tiny_bundle: Path) -> None:
    arrays = read_arrays(tiny_bundle)
    arrays["encoder_classifier.z_logvar.float64"] = np.add(arrays["encoder_classifier.z_logvar.float64"], 1e-4)
    reseal_arrays(tiny_bundle, arrays)

    assert [check.output for check in verify(tiny_bundle).checks if not check.holds] == ["z_logvar"]


def test_swapped_classes_are_counted_as_flips(tiny_bundle: Path) -> None:
    arrays = read_arrays(tiny_bundle)
    for precision in ("float32", "float64"):
        name = f"encoder_classifier.class_probs.{precision}"
        arrays[name] = np.roll(arrays[name], 1, axis=1)
    reseal_arrays(tiny_bundle, arrays)

    (check,) = [check for check in verify(tiny_bundle).checks if not check.holds]

    assert check.class_flips == 13


def test_answer_that_is_no_number_falls_short(tiny_bundle: Path) -> None:
    arrays = read_arrays(tiny_bundle)
    arrays["decoder.image.float32"] = np.full((13, 1, 4, 4), np.nan, np.float32)
    reseal_arrays(tiny_bundle, arrays)

    (check,) = [check for check in verify(tiny_bundle).checks if not check.holds]

    assert check.max_abs_error == float("inf")


def test_broken_seal_is_told_before_anything_runs(tiny_bundle: Path) -> None:
    change_one_byte(tiny_bundle / DECODER)

    with pytest.raises(SealError):
        verify(tiny_bundle)


@pytest.mark.parametrize("name", sorted(read_arrays(Path(__file__).parent / "tiny")))
def test_missing_golden_array_raises_bundle_error(name: str, tiny_bundle: Path) -> None:
    arrays = read_arrays(tiny_bundle)
    del arrays[name]
    reseal_arrays(tiny_bundle, arrays)

    with pytest.raises(BundleError, match=r"golden\.npz must hold"):
        verify(tiny_bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:-1],
        lambda array: array.astype(np.float16),
        lambda array: array[0, 0],
        lambda array: array[..., None],
        lambda _: np.array(1.0),
    ],
    ids=["a row short", "another type", "a row alone", "an axis more", "one number"],
)
@pytest.mark.parametrize("name", ["decoder.z", "decoder.image.float64", "encoder_classifier.image"])
def test_golden_array_of_another_form_raises_bundle_error(
    name: str, change: Callable[[NDArray[np.generic]], NDArray[np.generic]], tiny_bundle: Path
) -> None:
    arrays = read_arrays(tiny_bundle)
    reseal_arrays(tiny_bundle, {**arrays, name: change(arrays[name])})

    with pytest.raises(BundleError, match=r"golden\.npz must hold"):
        verify(tiny_bundle)


def test_golden_file_without_rows_proves_nothing(tiny_bundle: Path) -> None:
    reseal_arrays(tiny_bundle, {name: array[:0] for name, array in read_arrays(tiny_bundle).items()})

    with pytest.raises(BundleError, match=r"golden\.npz"):
        verify(tiny_bundle)


@pytest.mark.parametrize("graph", ["encoder_classifier", "decoder"])
def test_graph_in_the_other_s_place_raises_bundle_error(graph: str, tiny_bundle: Path) -> None:
    other = "decoder" if graph == "encoder_classifier" else "encoder_classifier"
    reseal(tiny_bundle, f"fp32/{graph}/model.onnx", (tiny_bundle / f"fp32/{other}/model.onnx").read_bytes())

    with pytest.raises(BundleError, match=graph):
        verify(tiny_bundle)


def test_wider_tolerance_lets_the_changed_weight_pass(tiny_bundle: Path) -> None:
    _nudge_weights(tiny_bundle, DECODER, b"decoder.weight")
    manifest = read_manifest(tiny_bundle)
    manifest["tolerances"]["fp32"]["decoder"]["image"] = {"max_abs": 1, "noise_floor": 0.25}
    write_manifest(tiny_bundle, manifest)

    assert verify(tiny_bundle).holds
