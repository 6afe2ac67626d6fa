import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaeport_train.data.arrays import read_arrays
from vaeport_train.data.folder import read_folder
from vaeport_train.data.memory import allocate_images, is_mapped


@pytest.mark.parametrize(("limit", "mapped"), [(0, True), (23, True), (24, False), (None, False)])
def test_images_are_mapped_above_the_limit_alone(limit: int | None, mapped: bool) -> None:
    images = allocate_images((2, 3, 4), limit=limit)
    images[:] = 7

    assert (is_mapped(images), images.shape, int(images.sum())) == (mapped, (2, 3, 4), 168)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("shape", [(9000, 3, 4), (9000, 3, 4, 3)])
def test_arrays_above_memory_are_the_same_images(shape: tuple[int, ...], compressed: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "a.npz", images=rng.integers(0, 256, shape, np.uint8), labels=np.arange(9000) % 5)

    mapped, plain = (read_arrays(tmp_path / "a.npz", memory_limit=limit) for limit in (0, None))

    assert (is_mapped(mapped.development.images), is_mapped(plain.development.images)) == (True, False)
    np.testing.assert_array_equal(mapped.development.images, plain.development.images)


def test_splits_of_mapped_images_are_mapped_and_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 3, 4), np.uint8)
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.arange(60) % 3)

    splits = [
        read_arrays(tmp_path / "a.npz", memory_limit=limit).split("stratified", held_out=9, seed=0)
        for limit in (0, None)
    ]

    for mapped, plain in zip(*splits, strict=True):
        assert is_mapped(mapped.images)
        np.testing.assert_array_equal(mapped.images, plain.images)
        np.testing.assert_array_equal(mapped.labels, plain.labels)


def test_folder_above_memory_is_the_same_images_less_the_skipped(tmp_path: Path) -> None:
    for name, number in itertools.product("ab", range(3)):
        (tmp_path / "pets" / name).mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 30 * number + 90).save(tmp_path / "pets" / name / f"{number}.png")
    (tmp_path / "pets" / "a" / "1.png").write_text("no image")

    mapped, plain = (read_folder(tmp_path / "pets", (1, 8, 8), strict=False, memory_limit=limit) for limit in (0, None))

    assert is_mapped(mapped.development.images)
    assert len(mapped.development) == 5
    np.testing.assert_array_equal(mapped.development.images, plain.development.images)
