"""Where pictures of answers stand, what is counted, and what the defaults are."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vaeport
from vaeport.errors import InputError, LabelError, OutputError
from vaeport.images.pictures import draw_grid
from vaeport.model.answers import Drawings, Prediction, StyleGrid
from vaeport.model.classes import class_probs, label_index, label_names
from vaeport.model.dataset import SampledDataset, check_size


def _drawings(n: int) -> Drawings:
    """Image i is flat, of byte 10 (i + 1)."""
    levels = (np.arange(1, n + 1) * 10 / 255).astype(np.float32)
    return Drawings(
        levels[:, None, None, None].repeat(2, axis=2).repeat(3, axis=3),
        np.zeros((n, 2), np.float32),
        np.zeros((n, 3), np.float32),
    )


def _page(path: Path) -> NDArray[Any]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


@pytest.mark.parametrize(("n", "rows"), [(0, 1), (1, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_drawings_are_saved_ten_in_a_row_twice_as_large(n: int, rows: int, tmp_path: Path) -> None:
    page = _page(_drawings(n).save(tmp_path / "grid.png"))

    tiles = page[2::6, 2::8][:rows, :10]
    assert page.shape == (6 * rows + 2, 8 * 10 + 2)
    assert tiles.ravel().tolist() == [10 * (i + 1) if i < n else 0 for i in range(10 * rows)]


def test_drawings_are_saved_as_the_grid_of_their_own_columns_and_scale(tmp_path: Path) -> None:
    page = _page(_drawings(5).save(tmp_path / "grid.png", columns=3, scale=1))

    assert page.shape == (2 * 4 + 2, 3 * 5 + 2)
    np.testing.assert_array_equal(page[2::4, 2::5][:2, :3], [[10, 20, 30], [40, 50, 0]])


def test_film_has_frames_four_times_as_large_of_eighty_milliseconds(tmp_path: Path) -> None:
    with Image.open(_drawings(4).save_gif(tmp_path / "film.gif")) as film:
        levels = []
        for frame in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(frame)
            levels.append(int(np.asarray(film.convert("L"))[0, 0]))
            assert (film.size, film.info["duration"]) == ((12, 8), 80)

    assert levels == [10, 20, 30, 40, 30, 20]


def test_grid_of_styles_is_drawn_with_headings_of_both_sides(tmp_path: Path) -> None:
    grid = StyleGrid(np.zeros((2, 1, 1, 8, 8), np.float32), np.zeros((2, 2), np.float32), ("a",))

    for options in ({}, {"rows": ("one", "two"), "scale": 3}):
        expected = draw_grid(grid.to_uint8(), columns=["a"], **{"scale": 2, **options})  # type: ignore[arg-type]
        with Image.open(grid.save(tmp_path / "grid.png", **options)) as picture:  # type: ignore[arg-type]
            assert picture.tobytes() == expected.tobytes()
    assert len(grid) == 2


def test_prediction_is_not_rejected_by_default() -> None:
    assert Prediction("cat", 0.5) == Prediction("cat", 0.5, rejected=False)


def test_confidence_of_exactly_the_bound_is_not_rejected(tiny_model: vaeport.Model) -> None:
    image = np.full((4, 4), 90, np.uint8)
    confidence = tiny_model.classify(image)[0].confidence

    assert not tiny_model.classify(image, reject_below=confidence)[0].rejected
    assert tiny_model.classify(image, reject_below=np.nextafter(confidence, 1))[0].rejected


@pytest.mark.parametrize("bound", [0, 1])
def test_certainty_and_its_opposite_are_bounds(bound: float, tiny_model: vaeport.Model) -> None:
    assert tiny_model.classify(np.zeros((4, 4), np.uint8), reject_below=bound)[0].rejected == bool(bound)


@pytest.mark.parametrize(("label", "index"), [("cat", 0), ("owl", 2), (0, 0), (2, 2), (np.int64(1), 1)])
def test_label_has_its_index(label: Any, index: int, tiny_model: vaeport.Model) -> None:
    found = label_index(tiny_model.bundle.manifest, label)

    assert (found, type(found)) == (index, int)


@pytest.mark.parametrize("label", [True, False, 3, -1, 1.0, "", b"cat"])
def test_what_is_no_label_has_none(label: Any, tiny_model: vaeport.Model) -> None:
    with pytest.raises(LabelError):
        label_index(tiny_model.bundle.manifest, label)


def test_names_of_no_labels_of_one_and_of_several(tiny_model: vaeport.Model) -> None:
    manifest = tiny_model.bundle.manifest

    assert label_names(manifest, None) == ("cat", "dog", "owl")
    assert label_names(manifest, "dog") == ("dog",)
    assert label_names(manifest, []) == ()
    assert label_names(manifest, np.array([2, 0])) == ("owl", "cat")  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", ["dog", 1, np.int64(1), ["dog", 1], np.array([1, 1])])
def test_label_for_all_or_one_a_row_is_certain(labels: Any, tiny_model: vaeport.Model) -> None:
    probs = class_probs(tiny_model.bundle.manifest, labels, 2)

    assert (probs.dtype.name, probs.tolist()) == ("float32", [[0, 1, 0], [0, 1, 0]])


@pytest.mark.parametrize("labels", [["dog"], ["dog"] * 3, np.ones((1, 3)), np.ones((3, 3)), np.ones((2, 2))])
def test_other_numbers_of_labels_are_refused(labels: Any, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="labels given|class probabilities"):
        class_probs(tiny_model.bundle.manifest, labels, 2)


@pytest.mark.parametrize(
    ("n", "names", "shape"), [(2**33, ["a"], (1, 1, 1)), (2**29, ["a", "b"], (2, 2, 2)), (0, ["a"], (1, 1, 1))]
)
def test_set_may_be_as_large_as_memory_could_be(n: int, names: list[str], shape: tuple[int, int, int]) -> None:
    check_size(n, names, shape)


@pytest.mark.parametrize(
    ("n", "names", "shape"),
    [
        (2**33 + 1, ["a"], (1, 1, 1)),
        (2**29 + 1, ["a", "b"], (2, 2, 2)),
        (1, ["a", "a"], (1, 1, 1)),
    ],
)
def test_set_that_cannot_be_is_refused(n: int, names: list[str], shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError):
        check_size(n, names, shape)


@pytest.mark.parametrize(
    ("counts", "files"),
    [
        ((1, 0), ["X/0.png"]),
        ((10, 1), [*(f"X/{i}.png" for i in range(10)), "y z/0.png"]),
        ((11, 1), [*(f"X/{i:02}.png" for i in range(11)), "y z/00.png"]),
        ((0, 0), []),
    ],
)
def test_files_of_a_set_have_as_many_digits_as_the_largest_class_needs(
    counts: tuple[int, int], files: list[str], tmp_path: Path
) -> None:
    labels = np.repeat(np.arange(2, dtype=np.int64), counts)
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None].repeat(4, axis=3)

    place = SampledDataset(images, labels, ("X", "y z")).save_folder(tmp_path / "set")

    assert sorted(path.relative_to(place).as_posix() for path in place.rglob("*.png")) == files
    assert [int(_page(place / file)[0, 0]) for file in files] == list(range(len(files)))
    assert sorted(path.name for path in place.iterdir()) == ["X", "y z"]


@pytest.mark.parametrize("name", [".", "..", *(f"a{character}b" for character in '/\\:*?"<>|\0')])
def test_class_that_no_folder_can_be_named_for_is_refused(name: str, tmp_path: Path) -> None:
    nothing = SampledDataset(np.zeros((0, 1, 2, 2), np.uint8), np.zeros(0, np.int64), (name,))

    with pytest.raises(OutputError, match="cannot be the name of a folder"):
        nothing.save_folder(tmp_path / "set")


def test_set_is_compressed(tmp_path: Path) -> None:
    images = np.zeros((10, 1, 50, 50), np.uint8)

    path = SampledDataset(images, np.zeros(10, np.int64), ("a",)).save_npz(tmp_path / "set.npz")

    assert path.stat().st_size < 5000
    with np.load(io.BytesIO(path.read_bytes())) as file:
        assert sorted(file.files) == ["class_names", "images", "labels"]
    assert len(SampledDataset(images, np.zeros(10, np.int64), ("a",))) == 10


def test_defaults_of_drawing(tiny_model: vaeport.Model) -> None:
    np.testing.assert_array_equal(tiny_model.generate("cat").z, vaeport.latents(0, 1, 2))
    np.testing.assert_array_equal(tiny_model.style_grid().z, vaeport.latents(0, 10, 2))
    np.testing.assert_array_equal(
        tiny_model.sample_dataset(2).images, tiny_model.sample_dataset(2, seed=0, start=0, temperature=1).images
    )
    assert len(tiny_model.interpolate(np.zeros((4, 4)), np.ones((4, 4)))) == 10


def test_stream_is_encoded_thirty_two_at_a_time(tiny_model: vaeport.Model) -> None:
    assert [len(part) for part in tiny_model.encode_iter(np.zeros((70, 4, 4), np.uint8))] == [32, 32, 6]
    with pytest.raises(InputError, match="batch is 0"):
        next(tiny_model.encode_iter([], batch=0))
    assert [len(part) for part in tiny_model.encode_iter(np.zeros((2, 4, 4), np.uint8), batch=1)] == [1, 1]


@pytest.mark.parametrize("temperature", [0, 1e6])
def test_temperature_may_be_as_far_as_its_bounds(temperature: float, tiny_model: vaeport.Model) -> None:
    drawn = tiny_model.generate("cat", 2, temperature=temperature)

    np.testing.assert_array_equal(drawn.z, vaeport.latents(0, 2, 2) * np.float32(temperature))


def test_interpolation_of_two_steps_is_both_ends_and_blends_classes_evenly(tiny_model: vaeport.Model) -> None:
    first, last = np.zeros((4, 4)), np.ones((4, 4))
    ends = tiny_model.encode([first, last])

    assert len(tiny_model.interpolate(first, last, 2)) == 2
    way = tiny_model.interpolate(first, last, 5).class_probs

    expected = [ends.class_probs[0] * (1 - t) + ends.class_probs[1] * t for t in (0, 0.25, 0.5, 0.75, 1)]
    np.testing.assert_allclose(way, expected, atol=1e-6)


def test_sets_are_drawn_alike_in_every_chunk(tiny_bundle: Path) -> None:
    whole, cut = (vaeport.load(tiny_bundle, chunk_rows=rows).sample_dataset(7, seed=1, start=2) for rows in (100, 2))

    np.testing.assert_allclose(cut.images.astype(int), whole.images.astype(int), atol=1)


def test_model_needs_chunks_of_at_least_one_row(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="chunk_rows is 0"):
        vaeport.load(tiny_bundle, chunk_rows=0)
    assert len(vaeport.load(tiny_bundle, chunk_rows=1).generate("cat", 3)) == 3
