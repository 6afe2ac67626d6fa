"""Samples of a stranger's data, in every form in which people have them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.export.strangers import LABELS, samples
from vaeport.errors import ImageError, InputError
from vaeport.images.scaling import from_uint8
from vaeport_export.sources.samples import read_class_table, read_sample_file, read_samples, sub_folders


def saved_images(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{row}.png" for row in range(count)]
    for path, pixels in zip(paths, samples(count), strict=True):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(path)
    return paths


@pytest.mark.parametrize("form", ["bytes", "float", "last", "rows", "files", "pil", "folder"])
def test_samples_in_every_form_are_the_same_bytes(form: str, tmp_path: Path) -> None:
    paths = saved_images(tmp_path / "images", 6)
    forms: dict[str, Any] = {
        "bytes": samples(6),
        "float": from_uint8(samples(6)),
        "last": samples(6).transpose(0, 2, 3, 1),
        "rows": list(samples(6)),
        "files": paths,
        "pil": [Image.fromarray(pixels.transpose(1, 2, 0)) for pixels in samples(6)],
        "folder": tmp_path / "images",
    }

    assert np.array_equal(read_samples(forms[form], None, LABELS).images, samples(6))


@pytest.mark.parametrize("count", [1, 3, 16])
def test_grey_images_need_no_channel(count: int) -> None:
    grey = samples(count, channels=1)

    assert np.array_equal(read_samples(grey[:, 0], None, LABELS).images, grey)


def test_one_picture_is_a_sample(tmp_path: Path) -> None:
    (path,) = saved_images(tmp_path, 1)

    assert np.array_equal(read_samples(str(path), None, LABELS).images, samples(1))


def test_sub_folders_are_the_classes(tmp_path: Path) -> None:
    for label in LABELS:
        saved_images(tmp_path / label, 3)

    assert read_samples(tmp_path, None, LABELS).labels is not None
    assert read_samples(tmp_path, None, LABELS).labels.tolist() == [0, 0, 0, 1, 1, 1]  # type: ignore[union-attr]
    assert sub_folders(tmp_path) == LABELS


def test_classes_are_names_or_indices() -> None:
    for classes in (["dog", "cat"], [1, 0], np.array([1, 0]), np.array(["dog", "cat"])):
        labels = read_samples(samples(2), classes, LABELS).labels
        assert labels is not None
        assert labels.tolist() == [1, 0]


def test_pictures_are_fitted_to_the_shape_that_is_given() -> None:
    pictures = [Image.new("RGB", (40, 30), "red"), Image.new("L", (20, 20), 9)]

    assert read_samples(pictures, None, LABELS, shape=(3, 16, 16)).images.shape == (2, 3, 16, 16)


def test_table_of_classes_names_the_files(tmp_path: Path) -> None:
    saved_images(tmp_path, 2)
    (tmp_path / "table.csv").write_text("file,class\n1.png,dog\n0.png, cat\n")

    files, classes = read_class_table(tmp_path / "table.csv", tmp_path)

    assert ([path.name for path in files], classes) == (["1.png", "0.png"], ["dog", "cat"])


def test_arrays_of_a_file_are_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", images=samples(2), labels=np.array([0, 1]))

    images, labels = read_sample_file(tmp_path / "s.npz")

    assert np.array_equal(images, samples(2))
    assert labels is not None


def test_golden_images_are_a_few_of_each_class() -> None:
    images, labels = read_samples(samples(50), np.arange(50) % 2, LABELS).golden()

    assert (len(images), np.bincount(labels).tolist()) == (16, [8, 8])
    assert len(read_samples(samples(200), None, LABELS).golden()[0]) == 80


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (np.zeros((0, 3, 4, 4), np.uint8), "images holds no image"),
        ([], "images holds no image"),
        (np.zeros((2, 3, 4, 4), np.int32), "image array is int32, but must be uint8"),
        (np.full((2, 3, 4, 4), 200.0), "row 0 of the images holds the number 200"),
        (np.zeros((2, 2, 4, 5), np.uint8), r"images has shape \[2, 2, 4, 5\]"),
        (7, "images is int"),
        ("nowhere", "images: nowhere does not exist"),
        ([Image.new("L", (4, 4)), Image.new("L", (5, 4))], "images have several sizes, 4x4 and 5x4"),
    ],
)
def test_images_that_cannot_be_taken_are_refused(images: Any, complaint: str) -> None:
    with pytest.raises((InputError, ImageError), match=complaint):
        read_samples(images, None, LABELS)


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        ([0], "image_labels has 1 entries for 2 images"),
        ([0, 2], r"image_labels\[1\] is 2, but must be one of cat, dog or an index from 0 to 1"),
        (["cat", "cow"], r"image_labels\[1\] is 'cow'"),
        ([0.5, 1], r"image_labels\[0\] is 0\.5"),
    ],
)
def test_classes_that_do_not_fit_are_refused(classes: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_samples(samples(2), classes, LABELS)


def test_folders_that_are_unclear_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no image file"):
        read_samples(tmp_path, None, LABELS)
    saved_images(tmp_path / "cow", 1)
    with pytest.raises(InputError, match="sub-folder 'cow' of .* is none of the labels"):
        read_samples(tmp_path, None, LABELS)
    saved_images(tmp_path, 1)
    with pytest.raises(InputError, match="both image files .* and sub-folders"):
        read_samples(tmp_path, None, LABELS)
