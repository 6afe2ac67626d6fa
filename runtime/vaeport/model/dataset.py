"""A synthetic labelled data set: arrays, an `.npz` file, or a folder of PNGs a class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.arguments import file_path
from ..common.arrays import check_answer_size
from ..common.fileio import write_atomic, write_folder
from ..errors import InputError, OutputError
from ..images.pictures import as_picture

_MOST_NAME_BYTES = 200


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
            InputError: the path is no path.
            OutputError: it cannot be written.
        """
        target = file_path(path, "path")
        names = np.array(self.class_names)
        return write_atomic(
            target, lambda file: np.savez_compressed(file, images=self.images, labels=self.labels, class_names=names)
        )

    def save_folder(self, path: str | os.PathLike[str]) -> Path:
        """Write one PNG an image into one folder a class, light ink on black; whole or not at all.

        Raises:
            InputError: the path is no path.
            OutputError: something stands there already, it cannot be written, or a class name is no folder name.
        """
        target = file_path(path, "path")
        for name in self.class_names:
            if not _is_folder_name(name):
                raise OutputError(f"class {name!r} cannot be the name of a folder; write an .npz file instead")
        return write_folder(target, self._fill)

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
        InputError: more images than memory should be asked for, or a class twice.
    """
    check_answer_size(n * len(names), shape, "images")
    if len(set(names)) != len(names):
        raise InputError("a class is named twice; a data set has each once")


def _is_folder_name(name: str) -> bool:
    """Whether every system takes the name for a folder inside another, and shows it as it is."""
    plain = name.isprintable() and not any(character in name for character in '/\\:*?"<>|')
    return plain and name.strip(". ") != "" and len(os.fsencode(name)) <= _MOST_NAME_BYTES
