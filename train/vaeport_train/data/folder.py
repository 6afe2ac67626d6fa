"""A folder of your own images, one sub-folder a class."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from vaeport.errors import ImageError, InputError
from vaeport.images.batch import to_batch, to_uint8

from .dataset import Dataset, Split
from .memory import allocate_images

_HELD_OUT_SHARE = 0.1


def read_folder(
    folder: Path, image_shape: tuple[int, int, int], *, strict: bool, memory_limit: int | None = None
) -> Dataset:
    """Read every image below a folder; the names of its sub-folders are the classes, in alphabetical order.

    Images become what the runtime makes of them (`to_batch`): upright, over white, grey or RGB, resized,
    and in grey with light ink, so that a model meets the same pixels in training and in use.

    Args:
        folder: the folder; hidden files and folders in it do not count.
        image_shape: channels (1 or 3), height and width to bring the images to.
        strict: whether an unreadable file is an error; it is skipped otherwise, and named in `Dataset.skipped`.
        memory_limit: bytes of images that are kept in memory, see `allocate_images`.

    Raises:
        InputError: fewer than two classes, a class without two images, or an unreadable file under `strict`.
    """
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(classes) < 2:
        raise InputError(f"{folder} has {len(classes)} sub-folders, but needs one for each of two classes or more")
    labels: list[int] = []
    skipped: list[str] = []
    files = [(index, path) for index, place in enumerate(classes) for path in _files(place)]
    images = allocate_images((len(files), *image_shape), limit=memory_limit)
    for index, path in tqdm(files, unit=" files", disable=None, leave=False):
        try:
            images[len(labels)] = to_uint8(to_batch(path, image_shape))[0]
            labels.append(index)
        except ImageError as error:
            if strict:
                raise InputError(f"{error}; without --strict it would be skipped") from error
            skipped.append(str(error))
    for index, place in enumerate(classes):
        if labels.count(index) < 2:
            raise InputError(f"{place} has {labels.count(index)} readable images, but a class needs at least 2")
    development = Split(images[: len(labels)], np.asarray(labels, np.int64))
    return Dataset(
        name=folder.resolve().name,
        class_names=tuple(place.name for place in classes),
        development=development,
        test=None,
        held_out=suggested_held_out(development),
        licence=f"images of the folder {folder.resolve().name}, licence not stated",
        skipped=tuple(skipped),
    )


def suggested_held_out(split: Split) -> int:
    """A tenth of the images, but at least one a class."""
    return max(len(np.unique(split.labels)), round(_HELD_OUT_SHARE * len(split)))


def _files(place: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))
