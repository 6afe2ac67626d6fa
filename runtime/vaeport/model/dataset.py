"""A synthetic labelled data set: arrays, an `.npz` file, or a folder of PNGs a class."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.fileio import write_atomic, write_folder
from ..errors import InputError, OutputError
from ..images.pictures import as_picture

_MOST_BYTES = 2**40


@dataclass(frozen=True, eq=False)
class SampledDataset:
    """N drawn images, sorted by class."""

    images: NDArray[np.uint8]
    """uint8 [N, C, H, W], ink is 255."""
    labels: NDArray[np.int64]
    """int64 [N], index of each image's class in `class_names`."""
    class_names: tuple[str, ...]
    """The classes that were drawn."""

    def save_npz(self, path: str | os.PathLike[str]) -> Path:
        """Write `images`, `labels` and `class_names` into one compressed file, which `vaeport-train --data` takes.

        Raises:
            OutputError: it cannot be written.
        """
        names = np.array(self.class_names)
        return write_atomic(
            path, lambda file: np.savez_compressed(file, images=self.images, labels=self.labels, class_names=names)
        )

    def save_folder(self, path: str | os.PathLike[str]) -> Path:
        """Write one PNG an image into one folder a class, light ink on black; whole or not at all.

        Raises:
            OutputError: something stands there already, it cannot be written, or a class name is no folder name.
        """
        for name in self.class_names:
            if name in (".", "..") or any(character in name for character in '/\\:*?"<>|\0'):
                raise OutputError(f"class {name!r} cannot be the name of a folder; write an .npz file instead")
        return write_folder(path, self._fill)

    def _fill(self, folder: Path) -> None:
        digits = len(str(max(np.bincount(self.labels, minlength=1).max() - 1, 0)))
        for index, name in enumerate(self.class_names):
            (folder / name).mkdir()
            for number, image in enumerate(self.images[self.labels == index]):
                as_picture(image).save(folder / name / f"{number:0{digits}}.png")

    def __len__(self) -> int:
        return len(self.images)


def check_size(n: int, names: Sequence[str], shape: tuple[int, int, int]) -> None:
    """Refuse a set that cannot be.

    Raises:
        InputError: a negative number of images, more than memory could ever hold, or a class twice.
    """
    if not 0 <= n * len(names) * math.prod(shape) <= _MOST_BYTES:
        raise InputError(f"{n} images of each of {len(names)} classes asked for; draw 0 or more, large sets in parts")
    if len(set(names)) != len(names):
        raise InputError("a class is named twice; a data set has each once")
