import dataclasses
from importlib.resources import files

import numpy as np
import pytest

from vaeport.errors import InputError
from vaeport_train.data import Dataset, Split, load_dataset
from vaeport_train.data.dataset import SplitMethod


def rows_of(part: Split, whole: Dataset) -> list[int]:
    """Positions of a split's images in the whole, found by their content."""
    position = {image.tobytes(): i for i, image in enumerate(whole.development.images)}
    return [position[image.tobytes()] for image in part.images]


def test_mnist_5k_has_500_images_of_each_class(mnist_5k: Dataset) -> None:
    assert mnist_5k.development.images.shape == (5000, 1, 28, 28)
    assert mnist_5k.development.images.dtype == np.uint8
    assert np.bincount(mnist_5k.development.labels).tolist() == [500] * 10


def test_mnist_5k_begins_with_50_of_each_class(mnist_5k: Dataset) -> None:
    assert np.bincount(mnist_5k.development.labels[:500]).tolist() == [50] * 10
    assert mnist_5k.held_out == 500


def test_mnist_5k_holds_no_image_twice(mnist_5k: Dataset) -> None:
    assert len({image.tobytes() for image in mnist_5k.development.images}) == 5000


def test_mnist_5k_is_under_a_megabyte() -> None:
    assert len((files("vaeport_train.data") / "mnist_5k.npz").read_bytes()) < 1_000_000


def test_ink_is_bright(mnist_5k: Dataset) -> None:
    images = mnist_5k.development.images

    assert images[:, :, 0, 0].max() < 32
    assert images[:, :, 10:18, 10:18].mean() > 64


def test_unknown_data_set_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown data set 'cifar'; known are mnist-5k, mnist"):
        load_dataset("cifar")


@pytest.mark.parametrize("method", ["first", "stratified"])
def test_split_is_disjoint_and_complete(method: SplitMethod, mnist_5k: Dataset) -> None:
    train, held_out = mnist_5k.split(method, held_out=None, seed=0)

    rows = rows_of(train, mnist_5k) + rows_of(held_out, mnist_5k)
    assert (len(train), len(held_out)) == (4500, 500)
    assert sorted(rows) == list(range(5000))


@pytest.mark.parametrize("method", ["first", "stratified"])
def test_split_keeps_labels_with_their_images(method: SplitMethod, mnist_5k: Dataset) -> None:
    _, held_out = mnist_5k.split(method, held_out=70, seed=0)

    assert held_out.labels.tolist() == mnist_5k.development.labels[rows_of(held_out, mnist_5k)].tolist()


def test_first_holds_out_the_beginning_of_the_file(mnist_5k: Dataset) -> None:
    _, held_out = mnist_5k.split("first", held_out=70, seed=3)

    assert rows_of(held_out, mnist_5k) == list(range(70))


@pytest.mark.parametrize("held_out", [10, 13, 500, 4999])
def test_stratified_split_is_balanced(held_out: int, mnist_5k: Dataset) -> None:
    _, part = mnist_5k.split("stratified", held_out=held_out, seed=0)

    counts = np.bincount(part.labels, minlength=10)
    assert counts.sum() == held_out
    assert counts.max() - counts.min() <= 1


def test_same_seed_gives_the_same_split(mnist_5k: Dataset) -> None:
    first, second = (mnist_5k.split("stratified", held_out=100, seed=7)[1] for _ in range(2))

    assert np.array_equal(first.images, second.images)


def test_another_seed_gives_another_split(mnist_5k: Dataset) -> None:
    first, second = (mnist_5k.split("stratified", held_out=100, seed=seed)[1] for seed in (7, 8))

    assert not np.array_equal(first.images, second.images)


@pytest.mark.parametrize("held_out", [5000, 5001, 0, -1])
def test_holding_out_all_or_none_is_refused(held_out: int, mnist_5k: Dataset) -> None:
    with pytest.raises(InputError, match=f"cannot hold out {held_out} of the 5000 images of mnist-5k"):
        mnist_5k.split("first", held_out=held_out, seed=0)


def test_evaluation_images_are_the_test_images_where_there_are_some(mnist_5k: Dataset) -> None:
    with_test = dataclasses.replace(mnist_5k, test=mnist_5k.development.take(np.arange(3)))

    assert len(with_test.evaluation_images()) == 3
    assert len(mnist_5k.evaluation_images()) == 5000
