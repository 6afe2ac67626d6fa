"""Data sets by name, or by the path of your own images."""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import InputError

from .arrays import ARRAYS, read_arrays
from .dataset import Dataset, Split
from .folder import read_folder
from .idx import IdxSource, read_part
from .published import FASHION_MNIST, KMNIST, MNIST

PUBLISHED = {source.name: source for source in (MNIST, FASHION_MNIST, KMNIST)}
"""Data sets that are downloaded once, or read from a folder of original files."""

EMBEDDED = "mnist-5k"
"""The data set inside the package."""

NAMES = (EMBEDDED, *PUBLISHED)
"""All names; the first needs no network."""


@dataclass(frozen=True)
class FolderOptions:
    """How a folder of your own images is read."""

    image_shape: tuple[int, int, int] = (1, 28, 28)
    """Channels, height and width to bring the images to."""
    strict: bool = False
    """Whether an unreadable file is an error."""


def load_dataset(
    name_or_path: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    folder_options: FolderOptions | None = None,
) -> Dataset:
    """Load a data set.

    Args:
        name_or_path: one of `NAMES`, a folder with one sub-folder of images a class, or an `.npz` file.
        data_dir: folder of original files of a published data set; None takes the environment variable
            VAEPORT_DATA_DIR, or downloads once.
        folder_options: how a folder of images is read.

    Raises:
        InputError: no such data set, or its files are missing or damaged.
    """
    if name_or_path == EMBEDDED:
        return _embedded()
    if str(name_or_path) in PUBLISHED:
        place = data_dir or os.environ.get("VAEPORT_DATA_DIR")
        return _published(PUBLISHED[str(name_or_path)], Path(place) if place else None)
    path, options = Path(name_or_path), folder_options or FolderOptions()
    if path.is_dir():
        return _named(read_folder(path, options.image_shape, strict=options.strict))
    if path.is_file():
        return _named(read_arrays(path))
    raise InputError(f"unknown data set {str(name_or_path)!r}; known are {', '.join(NAMES)}, a folder, or an .npz file")


def _named(dataset: Dataset) -> Dataset:
    """Your own images, under names that can be told from others and shown."""
    if dataset.name in (*NAMES, ARRAYS):
        raise InputError(f"{dataset.name!r} is a name that vaeport uses itself; give your own images another")
    for name in (dataset.name, *dataset.class_names):
        if not name or not name.isprintable():
            raise InputError(f"{name!r} is no name that can be shown; rename the folder, file or class")
    return dataset


def _published(source: IdxSource, folder: Path | None) -> Dataset:
    development, test = (_as_split(*read_part(source, folder, part)) for part in ("train", "test"))
    return Dataset(source.name, source.class_names, development, test, held_out=5000, licence=source.licence)


def _embedded() -> Dataset:
    """5,000 MNIST training digits; the first 500, 50 a class, are the ones held out."""
    with (files(__package__) / "mnist_5k.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        development = _as_split(arrays["images"], arrays["labels"])
    return Dataset(EMBEDDED, MNIST.class_names, development, None, held_out=500, licence=MNIST.licence)


def _as_split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Split:
    return Split(images[:, None], labels.astype(np.int64))
