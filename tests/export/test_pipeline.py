import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from tests.export.material import NARROW, exported, trained_run
from vaeport.bundle.manifest import parse_manifest
from vaeport.bundle.opening import open_bundle
from vaeport.checks.verification import verify
from vaeport.errors import CheckFailedError, InputError
from vaeport_export import pipeline
from vaeport_export.graph.onnx_file import export_graph
from vaeport_train.evaluation import wilson_interval

LAYOUT = {
    "README.md",
    "bundle.json",
    "checkpoint/config.json",
    "checkpoint/decoder.json",
    "checkpoint/encoder_classifier.json",
    "checkpoint/model.safetensors",
    "parity.json",
    "fp32/decoder/model.onnx",
    "fp32/decoder/test_data_set_0/input_0.pb",
    "fp32/decoder/test_data_set_0/input_1.pb",
    "fp32/decoder/test_data_set_0/output_0.pb",
    "fp32/encoder_classifier/model.onnx",
    "fp32/encoder_classifier/test_data_set_0/input_0.pb",
    "fp32/encoder_classifier/test_data_set_0/output_0.pb",
    "fp32/encoder_classifier/test_data_set_0/output_1.pb",
    "fp32/encoder_classifier/test_data_set_0/output_2.pb",
    "golden.npz",
    "losses.png",
    "samples.png",
}
"""The folder of docs/contract.md without the optional precisions."""


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("bundle", ["narrow", "blog"])
def test_bundle_is_laid_out_as_the_contract_has_it(bundle: str, bundles: Path) -> None:
    assert set(files(bundles / bundle)) == LAYOUT


@pytest.mark.parametrize("bundle", ["narrow", "blog"])
def test_runtime_verifies_the_bundle(bundle: str, bundles: Path) -> None:
    assert verify(bundles / bundle).holds


def test_manifest_says_what_the_bundle_is(bundles: Path) -> None:
    manifest = parse_manifest((bundles / "blog" / "bundle.json").read_bytes())

    assert (manifest.name, manifest.version, manifest.precisions) == ("blog", "1", ("fp32",))
    assert manifest.labels == tuple("0123456789")
    assert (manifest.shapes.image, manifest.shapes.latent_dim, manifest.shapes.classes) == ((1, 28, 28), 10, 10)
    assert manifest.detachable == ("checkpoint",)
    assert manifest.evaluation == {}
    assert manifest.training["preset"] == "blog"
    assert manifest.training["config"]["training"]["epochs"] == 2
    assert manifest.training["data"]["train_images"] == 800
    assert {"vaeport", "torch", "onnx", "onnxscript"} <= set(manifest.made_with)
    assert "blog" in manifest.description
    assert "800 images of mnist-5k" in manifest.description


def test_checkpoint_and_pictures_are_the_runs(runs: Path, bundles: Path) -> None:
    run, bundle = files(runs / "narrow"), files(bundles / "narrow")

    for name in ("config.json", "model.safetensors"):
        assert bundle[f"checkpoint/{name}"] == run[name]
    for name in ("samples.png", "losses.png"):
        assert bundle[name] == run[name]


def test_same_run_exports_to_the_same_bytes(runs: Path, bundles: Path, tmp_path: Path) -> None:
    again = exported(runs / "narrow", tmp_path / "narrow")

    assert files(again) == files(bundles / "narrow")


def test_bytes_do_not_depend_on_the_number_of_threads(runs: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        exported(runs / "blog", tmp_path / str(threads), name="blog")
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)

    assert files(tmp_path / "1") == files(tmp_path / "2")


def test_options_are_taken(runs: Path, tmp_path: Path) -> None:
    bundle = exported(runs / "narrow", tmp_path / "b", name="my.model-2", version="7", description="Mine.", opset=21)

    manifest = open_bundle(bundle).manifest
    assert (manifest.name, manifest.version, manifest.description) == ("my.model-2", "7", "Mine.")
    model = onnx.load_model(bundle / "fp32" / "decoder" / "model.onnx")
    assert (model.opset_import[0].version, model.ir_version) == (21, 10)
    assert model.metadata_props[1].value == "my.model-2"


def test_card_tells_the_figures(runs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(runs / "narrow", tmp_path / "run")
    low, high = wilson_interval(480, 1000)
    figures = {
        "images": 1000,
        "vae_loss": 101.25,
        "negative_elbo_given_label": 99.5,
        "classification_loss": 1.375,
        "classification_error": 0.48,  # as it is: the figures are checked before they are sealed
        "classification_error_95": [low, high],
    }
    weights = hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()
    (run / "evaluation.json").write_text(json.dumps({"weights": weights, "figures": {"mnist test": figures}}))

    bundle = exported(run, tmp_path / "card")

    card = (bundle / "README.md").read_text()
    assert "| mnist test | 1000 | 101.25 | 99.50 | 1.375 | 48.00 % (44.92 to 51.10) |" in card
    assert open_bundle(bundle).manifest.evaluation["mnist test"]["images"] == 1000


def test_card_of_a_run_without_figures_says_how_to_get_them(bundles: Path) -> None:
    card = (bundles / "narrow" / "README.md").read_text()

    assert card.startswith("# narrow 1\n")
    assert "Not evaluated; `vaeport-train evaluate RUN`" in card
    for tolerance in open_bundle(bundles / "narrow").manifest.tolerances["fp32"]["decoder"].values():
        assert f"{tolerance.max_abs:.1e}" in card


@pytest.fixture
def slightly_wrong_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that gets one weight wrong, as a bad fusion would."""

    def export(*arguments: object, **options: object) -> bytes:
        model = onnx.load_model_from_string(export_graph(*arguments, **options))  # type: ignore[arg-type]
        tensor = max(model.graph.initializer, key=lambda t: np.prod(t.dims))
        values = numpy_helper.to_array(tensor).copy()
        values.flat[np.abs(values).argmax()] *= 1.01
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return bytes(model.SerializeToString(deterministic=True))

    monkeypatch.setattr(pipeline, "export_graph", export)


@pytest.mark.usefixtures("slightly_wrong_export")
def test_export_that_is_wrong_leaves_nothing(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match="no bundle was written: .* differs from a fresh export in 1 of"):
        exported(runs / "narrow", tmp_path / "bundle")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("slightly_wrong_export")
def test_export_that_is_wrong_leaves_the_old_bundle_untouched(runs: Path, copy: Path) -> None:
    before = files(copy)

    with pytest.raises(CheckFailedError):
        exported(runs / "sibling", copy, replace=True)

    assert files(copy) == before
    assert list(copy.parent.iterdir()) == [copy]


def test_replace_puts_the_new_bundle_in_place(runs: Path, copy: Path, bundles: Path) -> None:
    exported(runs / "sibling", copy, name="sibling", replace=True)

    assert files(copy) == files(bundles / "sibling")
    assert list(copy.parent.iterdir()) == [copy]


def test_bundle_in_the_place_is_kept_without_replace(runs: Path, copy: Path) -> None:
    before = files(copy)

    with pytest.raises(InputError, match="--replace"):
        exported(runs / "sibling", copy)
    assert files(copy) == before


def test_folder_that_is_no_bundle_is_never_replaced(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("")

    with pytest.raises(InputError, match="exists and is no bundle"):
        exported(runs / "narrow", tmp_path / "thesis", replace=True)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_empty_folder_is_taken(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()

    assert open_bundle(exported(runs / "narrow", tmp_path / "bundle")).manifest.name == "bundle"


@pytest.mark.parametrize("name", ["", ".", "a b", "a/b", "-x", "ü", "a\n"])
def test_odd_name_is_refused(name: str, runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bundle name is"):
        exported(runs / "narrow", tmp_path / "bundle", name=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors", "examples.npz"])
def test_run_that_lacks_a_file_is_refused(lost: str, runs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(runs / "narrow", tmp_path / "run")
    (run / lost).unlink()

    with pytest.raises(InputError, match=lost):
        exported(run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == [run]


@pytest.mark.parametrize("floor", ["0", "1e-5"])
def test_every_activation_and_condition_exports(floor: str, tmp_path: Path) -> None:
    settings = (f"network.variance_floor={floor}", "network.activation=silu", "network.encoder_sees_class=false")
    run = trained_run(tmp_path / "run", "mlp", *NARROW, *settings, "training.epochs=1")

    assert verify(exported(run, tmp_path / "bundle")).holds


def test_run_that_still_trains_is_refused(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Path(shutil.copytree(runs / "narrow", tmp_path / "run"))

    def export(*arguments: object, **options: object) -> bytes:
        shutil.copy(runs / "sibling" / "model.safetensors", run)
        return export_graph(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "export_graph", export)

    with pytest.raises(InputError, match="run got other weights while it was exported"):
        exported(run, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
