"""What people do with a model beyond encoding and drawing."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vaeport
from tests.runtime.tampering import read_manifest, write_manifest
from vaeport import latents
from vaeport.bundle.anomaly_scale import LEVELS
from vaeport.errors import BundleError, InputError, LabelError, OutputError


def _noise(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (n, 4, 4), np.uint8)


def test_rejection_marks_what_is_below_and_changes_nothing_else(tiny_model: vaeport.Model) -> None:
    plain = tiny_model.classify(_noise(20))
    bound = float(np.median(plain.class_probs.max(axis=1)))

    answer = tiny_model.classify(_noise(20), reject_below=bound)

    assert answer.labels == plain.labels
    assert [p.rejected for p in answer.predictions] == [p.confidence < bound for p in plain.predictions]
    assert 0 < sum(p.rejected for p in answer.predictions) < 20
    assert not any(p.rejected for p in plain.predictions)


@pytest.mark.parametrize("bound", [-0.1, 1.1, float("nan")])
def test_rejection_bound_that_is_no_probability_raises_input_error(bound: float, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="reject_below"):
        tiny_model.classify(_noise(1), reject_below=bound)


def test_stream_is_read_no_further_than_needed(tiny_model: vaeport.Model) -> None:
    taken: list[int] = []

    def camera() -> Iterator[NDArray[np.uint8]]:
        for number, image in enumerate(_noise(10)):
            taken.append(number)
            yield image

    answers = tiny_model.encode_iter(camera(), batch=4)
    first = next(answers)

    assert (len(first), len(taken)) == (4, 4)
    rest = list(answers)
    assert [len(part) for part in rest] == [4, 2]
    together = np.concatenate([part.z_mean for part in [first, *rest]])
    np.testing.assert_allclose(together, tiny_model.encode(_noise(10)).z_mean, rtol=0, atol=1e-6)


def test_stream_of_nothing_gives_nothing(tiny_model: vaeport.Model) -> None:
    assert list(tiny_model.encode_iter([])) == []


def test_restyle_keeps_the_latent_and_changes_the_class(tiny_model: vaeport.Model) -> None:
    grid = tiny_model.restyle(_noise(2))

    assert grid.labels == tiny_model.labels
    assert grid.pixels.shape == (2, 3, 1, 4, 4)
    np.testing.assert_array_equal(grid.z, tiny_model.encode(_noise(2)).z_mean)
    for column, label in enumerate(grid.labels):
        np.testing.assert_array_equal(grid.pixels[:, column], tiny_model.decode(grid.z, label).pixels)


@pytest.mark.parametrize(("asked", "named"), [(["owl"], ("owl",)), ([2, "cat"], ("owl", "cat")), ("dog", ("dog",))])
def test_restyle_takes_some_classes(asked: list[str | int], named: tuple[str, ...], tiny_model: vaeport.Model) -> None:
    assert tiny_model.restyle(_noise(1), asked).labels == named


def test_restyle_as_an_unknown_class_raises_label_error(tiny_model: vaeport.Model) -> None:
    with pytest.raises(LabelError, match="cat, dog, owl"):
        tiny_model.restyle(_noise(1), ["bird"])


def test_style_grid_s_columns_are_what_generate_draws(tiny_model: vaeport.Model) -> None:
    grid = tiny_model.style_grid(5, seed=3, start=2, temperature=0.5)

    for column, label in enumerate(tiny_model.labels):
        drawn = tiny_model.generate(label, 5, seed=3, start=2, temperature=0.5)
        np.testing.assert_array_equal(grid.pixels[:, column], drawn.pixels)


def test_style_grid_is_saved_under_its_labels(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    path = tiny_model.style_grid(2).save(tmp_path / "grid.png", scale=4)

    with Image.open(path) as picture:
        assert picture.width == 3 * 18 + 2
        assert picture.height > 2 * 18 + 2


def test_interpolation_begins_and_ends_with_the_reconstructions(tiny_model: vaeport.Model) -> None:
    first, second = _noise(2)

    way = tiny_model.interpolate(first, second, 5)

    ends = tiny_model.reconstruct([first, second]).drawings
    np.testing.assert_allclose(way.pixels[[0, -1]], ends.pixels, rtol=0, atol=1e-6)
    np.testing.assert_allclose(way.class_probs.sum(axis=1), 1, atol=1e-6)
    assert len(way) == 5


def test_interpolation_as_one_class(tiny_model: vaeport.Model) -> None:
    way = tiny_model.interpolate(*_noise(2), label="owl")

    np.testing.assert_array_equal(way.class_probs, np.eye(3, dtype=np.float32)[[2] * 10])


def test_interpolation_of_one_step_raises_input_error(tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="steps is 1, but must be a whole number from 2"):
        tiny_model.interpolate(_noise(1), _noise(1), steps=1)


def test_interpolation_between_batches_raises_input_error(tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="4 images given"):
        tiny_model.interpolate(_noise(2), _noise(2))


def test_film_runs_there_and_back(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    path = tiny_model.interpolate(_noise(1), _noise(2)[1], steps=4).save_gif(tmp_path / "film.gif", scale=3)

    with Image.open(path) as film:
        assert (film.format, film.size, film.n_frames) == ("GIF", (12, 12), 6)  # type: ignore[attr-defined]
        assert film.info["loop"] == 0


def test_film_of_nothing_raises_input_error(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one image"):
        tiny_model.generate("cat", 0).save_gif(tmp_path / "film.gif")
    assert not list(tmp_path.glob("*.gif"))


def test_anomaly_terms_are_those_of_the_elbo(tiny_model: vaeport.Model) -> None:
    answer = tiny_model.anomaly_score(_noise(3))

    seen = tiny_model.reconstruct(_noise(3))
    x, p = seen.originals.astype(np.float64), seen.drawings.pixels.astype(np.float64)
    mean, variance = seen.encoding.z_mean.astype(np.float64), np.exp(seen.encoding.z_logvar.astype(np.float64))
    bernoulli = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(answer.reconstruction, bernoulli, rtol=1e-6)
    np.testing.assert_allclose(answer.kl, 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(answer.squared_error, ((x - p) ** 2).mean(axis=(1, 2, 3)), rtol=1e-6)
    np.testing.assert_array_equal(answer.negative_elbo, answer.reconstruction + answer.kl)


def test_percentile_is_the_place_among_the_held_out(tiny_model: vaeport.Model) -> None:
    with np.load(tiny_model.bundle.path / "golden.npz") as golden:
        held_out = golden["encoder_classifier.image"]

    answer = tiny_model.anomaly_score(held_out)

    order = answer.negative_elbo.argsort()
    assert answer.percentile[order[0]] == pytest.approx(0, abs=0.01)
    assert answer.percentile[order[-1]] == pytest.approx(100, abs=0.01)
    assert answer.percentile[order[6]] == pytest.approx(50, abs=0.01)  # the middle one of 13
    assert (np.diff(answer.percentile[order]) >= 0).all()


def test_chunks_score_as_one_batch(tiny_bundle: Path, tiny_model: vaeport.Model) -> None:
    cut = vaeport.load(tiny_bundle, chunk_rows=2)

    np.testing.assert_allclose(
        cut.anomaly_score(_noise(5)).negative_elbo, tiny_model.anomaly_score(_noise(5)).negative_elbo, rtol=1e-6
    )
    assert len(cut.anomaly_score(_noise(0))) == 0


def test_normal_likelihood_counts_in_its_own_standard_deviation(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    manifest["anomaly"] |= {"likelihood": "normal", "likelihood_std": 0.5}
    write_manifest(tiny_bundle, manifest)

    answer = vaeport.load(tiny_bundle).anomaly_score(_noise(3))

    constant = 16 * (np.log(0.5) + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(answer.reconstruction, 16 * answer.squared_error / (2 * 0.25) + constant, rtol=1e-6)


def test_bundle_without_held_out_scores_raises_bundle_error(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    del manifest["anomaly"]
    write_manifest(tiny_bundle, manifest)

    with pytest.raises(BundleError, match="no scores of held-out images"):
        vaeport.load(tiny_bundle).anomaly_score(_noise(1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("levels", [0.0]),
        ("levels", [100.0, *LEVELS[1:]]),
        ("levels", [*LEVELS[:-1], 99.95]),
        ("negative_elbo", [1.0, 2.0]),
        ("negative_elbo", [3.0, *[2.0] * (len(LEVELS) - 1)]),
        ("negative_elbo", "low"),
        ("likelihood", "cauchy"),
        ("likelihood_std", 0.0),
        ("images", 0),
    ],
)
def test_damaged_held_out_scores_raise_bundle_error(field: str, value: object, tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    manifest["anomaly"][field] = value
    write_manifest(tiny_bundle, manifest)

    with pytest.raises(BundleError, match=f"'anomaly': '{field}'"):
        vaeport.load(tiny_bundle)


def test_sampled_set_draws_every_latent_once(tiny_model: vaeport.Model) -> None:
    data = tiny_model.sample_dataset(4, seed=9)

    assert data.images.shape == (12, 1, 4, 4)
    assert data.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.class_names == tiny_model.labels
    z = latents(9, 12, 2)
    for k in range(3):
        expected = tiny_model.decode(z[k::3], k).to_uint8()
        np.testing.assert_array_equal(data.images[data.labels == k], expected)


def test_larger_set_begins_with_the_smaller_one(tiny_bundle: Path) -> None:
    model = vaeport.load(tiny_bundle, chunk_rows=3)

    small, large = model.sample_dataset(2, labels=["owl"]), model.sample_dataset(8)
    rest = model.sample_dataset(6, start=2, labels=["owl"])

    owls = large.images[large.labels == 2]
    np.testing.assert_array_equal(owls[:2], small.images)
    np.testing.assert_array_equal(owls[2:], rest.images)


@pytest.mark.parametrize(("n", "labels"), [(-1, None), (10**15, None), (1, ["cat", 0])])
def test_set_that_cannot_be_raises_input_error(
    n: int, labels: list[str | int] | None, tiny_model: vaeport.Model
) -> None:
    with pytest.raises(InputError):
        tiny_model.sample_dataset(n, labels=labels)


def test_set_is_saved_as_a_folder_a_class(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    data = tiny_model.sample_dataset(11)

    place = data.save_folder(tmp_path / "set")

    files = sorted(path.relative_to(place).as_posix() for path in place.rglob("*.png"))
    assert files[:2] == ["cat/00.png", "cat/01.png"]
    assert len(files) == 33
    with Image.open(place / "owl/10.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), data.images[32, 0])
    assert [path.name for path in tmp_path.iterdir() if path.name != "tiny"] == ["set"]


def test_set_replaces_nothing(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="stands there already"):
        tiny_model.sample_dataset(1).save_folder(tmp_path / "tiny")


@pytest.mark.parametrize("label", ["..", "a/b", "a:b"])
def test_class_that_is_no_folder_name_raises_output_error(
    label: str, tiny_model: vaeport.Model, tmp_path: Path
) -> None:
    data = tiny_model.sample_dataset(1)

    with pytest.raises(OutputError, match=r"write an \.npz file instead"):
        vaeport.SampledDataset(data.images, data.labels, (label, "b", "c")).save_folder(tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_set_is_saved_as_arrays(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    data = tiny_model.sample_dataset(2)

    with np.load(data.save_npz(tmp_path / "set.npz")) as file:
        np.testing.assert_array_equal(file["images"], data.images)
        assert file["labels"].tolist() == [0, 0, 1, 1, 2, 2]
        assert file["class_names"].tolist() == ["cat", "dog", "owl"]


@pytest.mark.parametrize(("polarity", "inverted"), [("auto", True), ("light-ink", False), ("dark-ink", True)])
def test_bundle_says_how_its_files_are_read(polarity: str, inverted: bool, tiny_bundle: Path) -> None:
    write_manifest(tiny_bundle, read_manifest(tiny_bundle) | {"polarity": polarity})
    pixels = np.full((4, 4), 250, np.uint8)
    pixels[1, 1:3] = 40

    with vaeport.load(tiny_bundle) as model:
        seen = model.read_images(Image.fromarray(pixels))
        as_it_is = model.read_images(Image.fromarray(pixels), polarity="light-ink")

    expected = pixels.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(as_it_is[0, 0], expected)
    np.testing.assert_allclose(seen[0, 0], 1 - expected if inverted else expected, atol=1e-6)


def test_polarity_that_nobody_knows_is_refused(tiny_bundle: Path) -> None:
    write_manifest(tiny_bundle, read_manifest(tiny_bundle) | {"polarity": "negative"})

    with pytest.raises(BundleError, match="'polarity' must be one of auto, dark-ink, light-ink"):
        vaeport.load(tiny_bundle)
