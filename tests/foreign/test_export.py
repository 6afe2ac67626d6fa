"""Strangers' pairs become sealed bundles: verified, run with every verb, and proven where their code does not exist."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

import vaeport
from tests.foreign.catalogue import Network, by_name, load
from tests.foreign.onnx_pair import handmade_pair
from tests.foreign.pairs import PAIRS, Pair, pair_named
from tests.foreign.runtimes import FEWEST, INDEPENDENT, needs_environments
from tests.foreign.small_pair import CLASSES, networks_of, pictures, weights_of, write_pictures, write_source
from tests.foreign.test_networks import onnxruntime_answers
from vaeport_export import export_modules
from vaeport_export.bundle.writer import seal
from vaeport_export.cli import main
from vaeport_parity.cli import main as parity_main

ROUNDING = 2e-5
"""How far a bundle may be from the author's own modules: float32's rounding, some layers deep."""


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Pair], Path]:
    """The bundle of a pair, made once."""
    folder = tmp_path_factory.mktemp("bundles")

    def bundle_of(pair: Pair) -> Path:
        for package in pair.needs:
            pytest.importorskip(package)
        place = folder / pair.name
        if not place.exists():
            pair.export(place)
        return place

    return bundle_of


pairs = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
Bundles = Callable[[Pair], Path]


@pairs
def test_bundle_verifies(pair: Pair, bundles: Bundles) -> None:
    report = vaeport.verify(bundles(pair))
    assert report.holds, str(report)


@pairs
def test_bundle_answers_as_its_authors_code(pair: Pair, bundles: Bundles) -> None:
    folder, images = bundles(pair), pair.samples()
    z_mean, probs = pair.encode(images.astype(np.float32) / np.float32(255))
    z = np.random.default_rng(0).standard_normal((7, z_mean.shape[1]), np.float32)
    with vaeport.load(folder) as model:
        encoding = model.encode(images)
        classes = model.classify(images)
        drawings = [model.decode(z, label).pixels for label in pair.labels]

    np.testing.assert_allclose(encoding.z_mean, z_mean, atol=ROUNDING, rtol=ROUNDING)
    np.testing.assert_allclose(encoding.class_probs, probs, atol=ROUNDING)
    assert list(classes.labels) == [pair.labels[k] for k in probs.argmax(axis=1)]
    for kind, drawn in enumerate(drawings):
        np.testing.assert_allclose(drawn, pair.decode(z, kind), atol=ROUNDING)


@pairs
def test_every_verb_runs(pair: Pair, bundles: Bundles, tmp_path: Path) -> None:
    images = pair.samples()[:9]
    with vaeport.load(bundles(pair)) as model:
        assert model.labels == pair.labels
        drawn = model.generate(pair.labels[0], 3, seed=1)
        rebuilt = model.reconstruct(images)
        restyled = model.restyle(images[0])
        grid = model.style_grid(4)
        between = model.interpolate(images[0], images[1], 5)
        scores = model.anomaly_score(images)
        noise = model.anomaly_score(np.random.default_rng(0).integers(0, 256, images.shape, np.uint8))
        data = model.sample_dataset(5)
    assert drawn.pixels.shape == (3, *images.shape[1:])
    assert rebuilt.drawings.pixels.shape == images.shape
    assert restyled.pixels.shape[1] == grid.pixels.shape[1] == len(pair.labels)
    assert len(between.pixels) == 5
    assert np.median(noise.percentile) > np.median(scores.percentile)
    assert data.images.shape == (5 * len(pair.labels), *images.shape[1:])
    drawn.save(tmp_path / "drawn.png")
    assert width_of(tmp_path / "drawn.png") > images.shape[-1]


@pairs
def test_card_and_pictures_speak_of_this_network(pair: Pair, bundles: Bundles) -> None:
    folder = bundles(pair)
    card = (folder / "README.md").read_text()
    assert all(label in card for label in pair.labels)
    assert pair.name in card
    assert "mnist" not in card.lower()
    assert "epoch" not in card.lower(), "nobody trained it with vaeport-train"
    for picture in folder.glob("*.png"):
        assert picture.name in card
        assert width_of(picture) > 8
    assert list(folder.glob("*.png"))


@pytest.mark.parametrize(
    "pair",
    [PAIRS[0], *(pytest.param(pair, marks=pytest.mark.torture) for pair in PAIRS[1:])],
    ids=lambda pair: pair.name,
)
def test_bundle_is_proven_where_its_authors_code_does_not_exist(pair: Pair, bundles: Bundles, tmp_path: Path) -> None:
    """Another folder, a fresh process, nothing of the test suite to import."""
    shutil.copytree(bundles(pair), tmp_path / "received")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    command = [str(Path(sys.executable).with_name("vaeport-parity")), "received", "--backends", "own", "--json"]

    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    (report,) = json.loads(done.stdout)["reports"]
    rows = report["rows"]
    assert {"torch-float32", "onnxruntime-all"} <= {row["backend"] for row in rows}
    assert {path.name for path in tmp_path.iterdir()} == {"received"}


@needs_environments
@pairs
def test_independent_runtimes_confirm(pair: Pair, bundles: Bundles, capsys: pytest.CaptureFixture[str]) -> None:
    parity_main([str(bundles(pair)), "--backends", ",".join(INDEPENDENT), "--json"])
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    rows = report["rows"]
    short = {row["backend"] for row in rows if not row["holds"]}
    assert len({row["backend"] for row in rows} - short) >= FEWEST, short


def test_bundle_whose_graph_was_changed_falls_short(bundles: Bundles, tmp_path: Path) -> None:
    """Somebody changed a weight and sealed anew: the original beside it shows it."""
    folder = shutil.copytree(bundles(pair_named("tiles")), tmp_path / "received")
    path = folder / "fp32/decoder/model.onnx"
    graph = onnx.load(path)
    weight = next(tensor for tensor in graph.graph.initializer if 192 in tensor.dims and len(tensor.dims) == 2)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1.001), weight.name))
    onnx.save(graph, path)
    (folder / "bundle.json").unlink()
    seal(folder, dataclasses.replace(vaeport.open_bundle(bundles(pair_named("tiles"))).manifest, files={}))

    assert parity_main([str(folder), "--backends", "onnxruntime-all"]) == 1


def test_onnx_files_of_other_exporters_become_a_bundle(
    written: Callable[[Network], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The encoder by the older exporter in opset 17, the decoder by today's in opset 20, samples in class folders."""
    pair = pair_named("tiles")
    save_pictures(tmp_path / "samples", *load("upsampling_vae.py").tiles(60, seed=5))
    encoder, decoder = written(by_name("tile-encoder")), written(by_name("tile-decoder"))
    command = [str(encoder), str(decoder), "--labels", ",".join(pair.labels), "--images", str(tmp_path / "samples")]

    assert main([*command, "-o", str(tmp_path / "pets")]) == 0, capsys.readouterr().err

    assert vaeport.verify(tmp_path / "pets").holds
    check_against_author(tmp_path / "pets", pair)
    assert parity_main([str(tmp_path / "pets"), "--backends", "own"]) == 0


def test_handmade_onnx_files_become_a_bundle(tmp_path: Path) -> None:
    """Written with onnx.helper in opset 13, as a converter of another framework would; no PyTorch ever."""
    encoder, decoder = handmade_pair(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 5, 6), np.uint8)

    export_modules(encoder, decoder, labels=["odd", "even"], images=images, out=tmp_path / "made")

    assert vaeport.verify(tmp_path / "made").holds
    with vaeport.load(tmp_path / "made") as model:
        expected = onnxruntime_answers(encoder, {"image": images.astype(np.float32) / np.float32(255)})
        np.testing.assert_allclose(model.encode(images).class_probs, expected["class_probs"], atol=1e-6)
        assert model.generate("even", 2).pixels.shape == (2, 1, 5, 6)


def test_command_exports_modules_with_weights_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The weights of another training than the factory's seed gives."""
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    write_pictures(tmp_path)
    encoder, decoder = networks_of(tmp_path)
    with torch.no_grad():
        encoder.get_submodule("mean").get_parameter("bias").add_(1)
    safetensors.torch.save_file(weights_of(encoder, decoder), tmp_path / "model.safetensors")

    command = ["my_nets.py:build", "--weights", "model.safetensors", "--images", "samples", "-o", "out/pets"]
    assert main(command) == 0, capsys.readouterr().err

    images = pictures()[0]
    with vaeport.load("out/pets") as model, torch.no_grad():
        z_mean, _, _ = encoder(torch.from_numpy(images).float() / 255)
        np.testing.assert_allclose(model.encode(images).z_mean, z_mean.numpy(), atol=ROUNDING)
        assert model.labels == CLASSES


def test_lower_precisions_keep_their_gates(tmp_path: Path) -> None:
    pair = pair_named("tiles")
    pair.export(tmp_path / "tiles", precisions=("fp16",))
    assert vaeport.verify(tmp_path / "tiles").holds
    with vaeport.load(tmp_path / "tiles", precision="fp16") as model:
        z_mean, _ = pair.encode(pair.samples().astype(np.float32) / np.float32(255))
        np.testing.assert_allclose(model.encode(pair.samples()).z_mean, z_mean, atol=0.02)


def test_grey_photographs_are_not_taken_for_ink(tmp_path: Path) -> None:
    """The author trained on grey values as they are; a bright background is no paper."""
    halves = load("embedding_vae.py")
    images, classes = halves.halves(60, seed=8)
    save_pictures(tmp_path / "samples", images[:, None], [halves.NAMES[k] for k in classes])
    pair_named("halves").export(tmp_path / "halves", images=tmp_path / "samples", image_labels=None)
    files = sorted((tmp_path / "samples").glob("*/*.png"))
    pixels = np.stack([pixels_of(file) for file in files])[:, None]

    with vaeport.load(tmp_path / "halves") as model:
        from_files, from_arrays = model.encode(files), model.encode(pixels)

    np.testing.assert_allclose(from_files.z_mean, from_arrays.z_mean, atol=1e-6)


def check_against_author(folder: Path, pair: Pair) -> None:
    images = pair.samples()
    z_mean, probs = pair.encode(images.astype(np.float32) / np.float32(255))
    with vaeport.load(folder) as model:
        encoding = model.encode(images)
        drawn = model.decode(z_mean, pair.labels[1]).pixels
    np.testing.assert_allclose(encoding.z_mean, z_mean, atol=ROUNDING, rtol=ROUNDING)
    np.testing.assert_allclose(encoding.class_probs, probs, atol=ROUNDING)
    np.testing.assert_allclose(drawn, pair.decode(z_mean, 1), atol=ROUNDING)


def pixels_of(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image)


def width_of(file: Path) -> int:
    with Image.open(file) as image:
        return image.size[0]


def save_pictures(folder: Path, images: NDArray[np.uint8], names: list[str]) -> None:
    """A folder for each class."""
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / name / f"{number}.png")
