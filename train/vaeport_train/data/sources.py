"""The data sets that have a name."""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np

from vaeport.errors import InputError

from .dataset import Dataset, Split
from .idx import read_mnist

_DIGITS = tuple("0123456789")
_MNIST_LICENCE = "MNIST by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, CC BY-SA 3.0"


def load_dataset(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Load a data set by name.

    Args:
        name: one of `SOURCES`.
        data_dir: folder of original files; None takes the environment variable VAEPORT_DATA_DIR, or downloads once.

    Raises:
        InputError: no such name, or its files are missing or damaged.
    """
    if name not in SOURCES:
        raise InputError(f"unknown data set {name!r}; known are {', '.join(SOURCES)}")
    folder = data_dir or os.environ.get("VAEPORT_DATA_DIR")
    return SOURCES[name](Path(folder) if folder else None)


def _mnist(folder: Path | None) -> Dataset:
    development, test = (_as_split(*read_mnist(folder, part)) for part in ("train", "test"))
    return Dataset("mnist", _DIGITS, development, test, held_out=5000, licence=_MNIST_LICENCE)


def _mnist_5k(_: Path | None) -> Dataset:
    """5,000 MNIST training digits inside the package; the first 500, 50 a class, are the ones held out."""
    with (files(__package__) / "mnist_5k.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        development = _as_split(arrays["images"], arrays["labels"])
    return Dataset("mnist-5k", _DIGITS, development, None, held_out=500, licence=_MNIST_LICENCE)


def _as_split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(images[:, None], labels.astype(np.int64))


SOURCES: dict[str, Callable[[Path | None], Dataset]] = {"mnist-5k": _mnist_5k, "mnist": _mnist}
"""Loaders by name; the first needs no network."""
