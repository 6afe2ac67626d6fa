from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vaeport.errors import InputError
from vaeport.images.batch import to_batch, to_uint8
from vaeport_train.data import FolderOptions, load_dataset


def _picture(place: Path, name: str, *, grey: int = 200) -> None:
    place.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (10, 8), (0, 0, 0))
    picture.paste((grey, grey // 2, 0), (3, 2, 6, 6))
    picture.save(place / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(("owl", "cat", "dog")):
        for number in range(4 + index):
            _picture(tmp_path / "pets" / name, f"{number}.png", grey=60 + 40 * index + number)
    return tmp_path / "pets"


def test_sub_folders_are_the_classes_in_alphabetical_order(folder: Path) -> None:
    dataset = load_dataset(folder)

    assert (dataset.name, dataset.class_names) == ("pets", ("cat", "dog", "owl"))
    assert np.bincount(dataset.development.labels).tolist() == [5, 6, 4]


def test_images_are_those_that_the_runtime_sees(folder: Path) -> None:
    dataset = load_dataset(folder, folder_options=FolderOptions((3, 12, 16)))

    expected = to_uint8(to_batch(folder / "cat" / "0.png", (3, 12, 16)))
    np.testing.assert_array_equal(dataset.development.images[0], expected[0])


def test_unreadable_file_is_skipped_and_named(folder: Path) -> None:
    (folder / "cat" / "notes.txt").write_text("not an image")
    (folder / "cat" / ".hidden").write_text("nor this")

    dataset = load_dataset(folder)

    assert len(dataset.development) == 15
    (reason,) = dataset.skipped
    assert "notes.txt is not an image" in reason


def test_unreadable_file_is_an_error_under_strict(folder: Path) -> None:
    (folder / "cat" / "notes.txt").write_text("not an image")

    with pytest.raises(InputError, match=r"notes\.txt is not an image.*without --strict"):
        load_dataset(folder, folder_options=FolderOptions(strict=True))


def test_class_without_images_is_named(folder: Path) -> None:
    (folder / "bird").mkdir()

    with pytest.raises(InputError, match="bird has 0 readable images"):
        load_dataset(folder)


def test_folder_with_one_class_is_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "cat", "0.png")

    with pytest.raises(InputError, match="has 1 sub-folders"):
        load_dataset(tmp_path)


def test_each_class_is_held_out_from(folder: Path) -> None:
    training, held_out = load_dataset(folder).split("stratified", held_out=None, seed=0)

    assert np.unique(held_out.labels).tolist() == np.unique(training.labels).tolist() == [0, 1, 2]


def _save(path: Path, **arrays: Any) -> Path:
    content = {"images": np.zeros((6, 5, 4), np.uint8), "labels": np.array([0, 1, 2, 0, 1, 2]), **arrays}
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
    return path


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [((6, 5, 4), (1, 5, 4)), ((6, 1, 5, 4), (1, 5, 4)), ((6, 3, 5, 4), (3, 5, 4)), ((6, 5, 4, 3), (3, 5, 4))],
)
def test_arrays_of_every_layout(shape: tuple[int, ...], image_shape: tuple[int, int, int], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    dataset = load_dataset(_save(tmp_path / "mine.npz", images=pixels))

    assert (dataset.name, dataset.image_shape, dataset.class_names) == ("mine", image_shape, ("0", "1", "2"))
    np.testing.assert_array_equal(dataset.development.images, to_uint8(to_batch(pixels, image_shape)))


def test_class_names_and_test_images_travel(tmp_path: Path) -> None:
    names = np.array(["cat", "dog", "owl"])
    path = _save(tmp_path / "a.npz", class_names=names, test_images=np.ones((2, 5, 4)), test_labels=np.array([2, 0]))

    dataset = load_dataset(path)

    assert dataset.class_names == ("cat", "dog", "owl")
    assert dataset.test is not None
    assert dataset.test.images.max() == 255


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"labels": None}, "holds no 'labels'"),
        ({"labels": np.array([0, 1, 2])}, "6 images but 3 labels"),
        ({"labels": np.array([0, 1, -1, 0, 1, 2])}, "labels run from -1 to 2"),
        ({"labels": np.zeros(6)}, "must be whole numbers"),
        ({"labels": np.zeros(6, int)}, "at least two classes"),
        ({"labels": np.array([0, 1, 0, 0, 1, 2])}, "class '2' has fewer than 2 images"),
        ({"class_names": np.array(["a", "b"])}, "labels run from 0 to 2"),
        ({"class_names": np.array(["a", "b", "a"])}, "different names"),
        ({"images": np.full((6, 5, 4), np.nan)}, "holds NaN"),
        ({"images": np.full((6, 5, 4), 7.0)}, "must be in"),
        ({"images": np.zeros((6, 5), np.uint8)}, "at least"),
    ],
)
def test_arrays_that_do_not_fit_are_one_sentence(arrays: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        load_dataset(_save(tmp_path / "a.npz", **arrays))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 broken", b"\x93NUMPY"])
def test_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)

    with pytest.raises(InputError, match=r"cannot read .*a\.npz"):
        load_dataset(tmp_path / "a.npz")


def test_single_array_is_no_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")

    with pytest.raises(InputError, match="as an .npz file"):
        load_dataset(tmp_path / "a.npz")


def test_unknown_data_set_lists_the_known() -> None:
    with pytest.raises(InputError, match="unknown data set 'mnits'; known are mnist-5k, mnist, fashion-mnist, kmnist"):
        load_dataset("mnits")
