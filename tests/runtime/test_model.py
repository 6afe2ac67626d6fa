"""The public verbs: shapes at every size, the same seed the same drawing, labels in every form."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vaeport
from tests.runtime.tampering import change_one_byte, read_manifest, reseal, write_manifest
from vaeport.errors import BundleError, SealError
from vaeport.model.model import CHUNK_ROWS

DECODER = "fp32/decoder/model.onnx"
ENCODER = "fp32/encoder_classifier/model.onnx"

SIZES = [0, 1, 2, 7, CHUNK_ROWS, CHUNK_ROWS + 1]


def _noise(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (n, 4, 4), np.uint8)


def test_model_tells_what_it_is(tiny_model: vaeport.Model) -> None:
    assert tiny_model.name == "tiny"
    assert tiny_model.labels == ("cat", "dog", "owl")
    assert tiny_model.image_shape == (1, 4, 4)
    assert tiny_model.latent_dim == 2
    assert tiny_model.device == "cpu"
    assert tiny_model.providers == ("CPUExecutionProvider",)


@pytest.mark.parametrize("n", SIZES)
def test_encode_gives_float32_of_every_size(n: int, tiny_model: vaeport.Model) -> None:
    encoding = tiny_model.encode(_noise(n))

    assert [encoding.z_mean.shape, encoding.z_logvar.shape, encoding.class_probs.shape] == [(n, 2), (n, 2), (n, 3)]
    assert {encoding.z_mean.dtype, encoding.z_logvar.dtype, encoding.class_probs.dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(encoding.class_probs.sum(axis=1), 1, atol=1e-6)
    assert len(encoding) == n


@pytest.mark.parametrize("n", SIZES)
def test_generate_gives_pixels_in_range_of_every_size(n: int, tiny_model: vaeport.Model) -> None:
    drawings = tiny_model.generate("cat", n)

    assert drawings.pixels.shape == (n, 1, 4, 4)
    assert drawings.pixels.dtype == np.float32
    assert ((drawings.pixels >= 0) & (drawings.pixels <= 1)).all()
    assert len(drawings) == len(drawings.to_pil()) == n


def test_chunks_answer_as_single_rows_do(tiny_model: vaeport.Model) -> None:
    images = _noise(CHUNK_ROWS + 1)

    together = tiny_model.encode(images).z_mean

    alone = np.concatenate([tiny_model.encode(images[row]).z_mean for row in (0, CHUNK_ROWS - 1, CHUNK_ROWS)])
    np.testing.assert_allclose(together[[0, CHUNK_ROWS - 1, CHUNK_ROWS]], alone, atol=1e-6)


def test_classify_names_the_most_probable_class(tiny_model: vaeport.Model) -> None:
    answer = tiny_model.classify(_noise(7))

    best = answer.class_probs.argmax(axis=1)
    assert answer.labels == tuple(tiny_model.labels[index] for index in best)
    assert [prediction.confidence for prediction in answer.predictions] == answer.class_probs.max(axis=1).tolist()
    assert answer[0] == answer.predictions[0]
    assert len(answer) == 7


def test_classify_takes_a_file(tiny_model: vaeport.Model, gradient: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(255 - gradient).save(tmp_path / "photo.png")

    assert tiny_model.classify(tmp_path / "photo.png").predictions == tiny_model.classify(gradient).predictions


def test_reconstruct_draws_the_posterior_mean(tiny_model: vaeport.Model) -> None:
    answer = tiny_model.reconstruct(_noise(7))

    np.testing.assert_array_equal(answer.originals[:, 0], _noise(7).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(answer.drawings.z, answer.encoding.z_mean)
    np.testing.assert_array_equal(answer.drawings.class_probs, answer.encoding.class_probs)
    assert len(answer) == 7


def test_results_are_frozen(tiny_model: vaeport.Model) -> None:
    drawings = tiny_model.generate("cat")

    with pytest.raises(dataclasses.FrozenInstanceError):
        drawings.z = drawings.z  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny_model.bundle.manifest.name = "other"  # type: ignore[misc]


def test_classify_never_opens_the_decoder(tiny_model: vaeport.Model, gradient: NDArray[np.uint8]) -> None:
    assert len(tiny_model.classify(gradient)) == 1

    assert set(tiny_model._engine._sessions) == {"encoder_classifier"}


def test_generate_never_opens_the_encoder(tiny_model: vaeport.Model) -> None:
    assert len(tiny_model.generate("cat")) == 1

    assert set(tiny_model._engine._sessions) == {"decoder"}


@pytest.mark.parametrize("file", [ENCODER, DECODER])
def test_file_that_changes_after_loading_changes_no_answer(
    file: str, tiny_model: vaeport.Model, gradient: NDArray[np.uint8]
) -> None:
    expected = vaeport.load(tiny_model.bundle.path).reconstruct(gradient).drawings.pixels
    change_one_byte(tiny_model.bundle.path / file)

    np.testing.assert_array_equal(tiny_model.reconstruct(gradient).drawings.pixels, expected)
    assert not tiny_model.bundle.kept  # the sessions have their own copy now


@pytest.mark.parametrize("file", [ENCODER, DECODER])
def test_file_that_is_read_again_is_hashed_again(file: str, tiny_model: vaeport.Model) -> None:
    tiny_model.bundle.kept.clear()
    change_one_byte(tiny_model.bundle.path / file)

    with pytest.raises(SealError, match=file):
        tiny_model.bundle.read(file)


def test_threads_share_a_model(tiny_model: vaeport.Model) -> None:
    images = _noise(40)
    expected = vaeport.load(tiny_model.bundle.path, threads=1).reconstruct(images).drawings.pixels

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tiny_model.reconstruct(images).drawings.pixels, range(64)))

    assert all(np.array_equal(answer, expected) for answer in answers)


def test_unknown_precision_raises_an_error_that_lists_the_known(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"no precision 'int8' \(it has fp32\)"):
        vaeport.load(tiny_bundle, precision="int8")


def test_graph_in_the_other_s_place_raises_bundle_error(tiny_bundle: Path, gradient: NDArray[np.uint8]) -> None:
    reseal(tiny_bundle, ENCODER, (tiny_bundle / DECODER).read_bytes())

    with pytest.raises(BundleError, match="encoder_classifier"):
        vaeport.load(tiny_bundle).classify(gradient)


def test_graph_of_other_sizes_than_the_manifest_s_raises_bundle_error(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    manifest["shapes"]["image"] = [1, 2, 8]
    write_manifest(tiny_bundle, manifest)

    with pytest.raises(BundleError, match=r"'image' has the shape .* as the manifest says"):
        vaeport.load(tiny_bundle)
