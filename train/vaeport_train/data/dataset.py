"""Labelled images, and which of them are held out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import InputError

from .memory import allocate_images, is_mapped

_ROWS = 4096
"""Images copied at once."""

SplitMethod = Literal["first", "stratified"]
"""`first`: the first images of the file are held out. `stratified`: the same share of each class, drawn by seed."""


@dataclass(frozen=True, eq=False)
class Split:
    """Some labelled images."""

    images: NDArray[np.uint8]
    """uint8 [N, C, H, W], ink is 255."""
    labels: NDArray[np.int64]
    """int64 [N], index of the class."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> "Split":
        """The images at these positions, copied; memory-mapped where these are, or where memory would not do."""
        size = (len(rows), *self.images.shape[1:])
        images = allocate_images(size, limit=0 if is_mapped(self.images) else None)
        for first in range(0, len(rows), _ROWS):
            images[first : first + _ROWS] = self.images[rows[first : first + _ROWS]]
        return Split(images, self.labels[rows])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named set of labelled images. The test images are kept apart from all that training looks at."""

    name: str
    """Name of the source."""
    class_names: tuple[str, ...]
    """Names of the classes, by index."""
    development: Split
    """Images to train on and to hold out from."""
    test: Split | None
    """Images for the final figures only; None where the source has none."""
    held_out: int
    """How many development images are held out unless a preset says otherwise."""
    licence: str
    """Licence of the images and whom they are from, one sentence."""
    skipped: tuple[str, ...] = ()
    """Files that could not be read, one sentence each."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.development.images.shape[1:]
        return channels, height, width

    def evaluation_images(self) -> NDArray[np.uint8]:
        """The test images, where the source has any; else the development images."""
        return (self.development if self.test is None else self.test).images

    def split(self, method: SplitMethod, *, held_out: int | None, seed: int) -> tuple[Split, Split]:
        """Cut the development images into training and held-out images.

        Args:
            method: see `SplitMethod`.
            held_out: how many to hold out; None takes the source's own number.
            seed: for `stratified`.

        Raises:
            InputError: more to hold out than there are.
        """
        labels, count = self.development.labels, self.held_out if held_out is None else held_out
        if not 0 < count < len(labels):
            raise InputError(f"cannot hold out {count} of the {len(labels)} images of {self.name}")
        if method == "first":
            chosen = np.arange(count)
        else:
            chosen = _stratified(labels, count, np.random.default_rng([seed, 0x5EED]))
        rest = np.setdiff1d(np.arange(len(labels)), chosen)
        return self.development.take(rest), self.development.take(chosen)


def _stratified(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions of `count` images, each class in its share; largest remainders take what rounding leaves."""
    classes, sizes = np.unique(labels, return_counts=True)
    shares = sizes * count / len(labels)
    quota = np.floor(shares).astype(int)
    quota[np.argsort(quota - shares, kind="stable")[: count - quota.sum()]] += 1
    parts = [rng.permutation(np.flatnonzero(labels == label))[:n] for label, n in zip(classes, quota, strict=True)]
    return np.sort(np.concatenate(parts))
