"""Samples of a stranger's data: images of every common form as bytes, with their classes where these are known."""

import csv
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import ImageError, InputError
from vaeport.images.batch import ImageLike, to_batch
from vaeport.images.files import SUFFIXES, Picture, open_picture
from vaeport.images.fitting import Polarity
from vaeport.images.scaling import to_uint8

ImageShape = tuple[int, int, int]
"""Channels (1 grey, 3 RGB), height and width."""

ImageSamples = str | os.PathLike[str] | NDArray[np.generic] | Sequence[ImageLike]
"""Arrays uint8 or float in [0, 1], [N, C, H, W] or [N, H, W]; a folder; or a list of files, arrays or PIL images."""

LEAST_SAMPLES = 1
_NONE = "images holds no image; give at least one, better some hundred, of those that the networks were made for"
_GOLDEN_PER_CLASS = 8
_GOLDEN_UNLABELLED = 80


@dataclass(frozen=True, eq=False)
class Samples:
    """Images as the model meets them in use."""

    images: NDArray[np.uint8]
    """uint8 [N, C, H, W], ink is 255."""
    labels: NDArray[np.int64] | None
    """int64 [N], index of each image's class; None where the classes are not known."""

    def golden(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """A few images of each class for the recorded answers, spread over all; classes are -1 where not known."""
        if self.labels is None:
            rows = np.linspace(0, len(self.images) - 1, min(_GOLDEN_UNLABELLED, len(self.images))).astype(np.int64)
            return self.images[rows], np.full(len(rows), -1, np.int64)
        by_class = [np.flatnonzero(self.labels == label)[:_GOLDEN_PER_CLASS] for label in np.unique(self.labels)]
        rows = np.concatenate(by_class)
        return self.images[rows], self.labels[rows]


def read_samples(
    images: ImageSamples,
    image_labels: Sequence[str | int] | NDArray[np.generic] | None,
    labels: Sequence[str],
    *,
    shape: ImageShape | None = None,
    polarity: Polarity = "light-ink",
) -> Samples:
    """Read samples through the runtime's own image handling, so that the networks meet the pixels of later use.

    Args:
        images: see `ImageSamples`; a folder with one sub-folder for each class needs no `image_labels`.
        image_labels: class of each image, by name or index; None where the classes are not known.
        labels: names of the classes.
        polarity: how grey files and PIL images are read.
        shape: what pictures are fitted to; None takes images as they are, which must have one size.

    Raises:
        InputError: no images, or classes that do not fit.
        ImageError: an image cannot be taken.
    """
    listed: ImageSamples | list[Path] = images
    if isinstance(images, str | os.PathLike):
        listed, folder_labels = _listed(Path(images), labels)
        if folder_labels is not None:
            if image_labels is not None:
                raise InputError(
                    f"image_labels is given, but the sub-folders of {images} tell the classes; leave it out"
                )
            image_labels = folder_labels
    size = shape or _shape_of(listed)
    batch = to_batch(listed, size, polarity=polarity)
    if len(batch) < LEAST_SAMPLES:
        raise InputError(
            "images holds no image; give at least one, better some hundred, that the networks were made for"
        )
    classes = None if image_labels is None else _classes(image_labels, labels, len(batch))
    return Samples(to_uint8(batch), classes)


def _listed(folder: Path, labels: Sequence[str]) -> tuple[list[Path], list[str] | None]:
    """Image files of a folder, and the classes that its sub-folders are named for."""
    if not folder.exists():
        raise InputError(f"images: {folder} does not exist; give a folder of image files, arrays or PIL images")
    if not folder.is_dir():
        return [folder], None
    files = _files(folder)
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not inner:
        if not files:
            raise InputError(f"images: {folder} holds no image file ({', '.join(SUFFIXES)})")
        return files, None
    if files:
        raise InputError(
            f"images: {folder} holds both image files ({files[0].name}) and sub-folders ({inner[0].name}); put every "
            "image into the sub-folder of its class"
        )
    if unknown := [path.name for path in inner if path.name not in labels]:
        raise InputError(
            f"images: the sub-folder {unknown[0]!r} of {folder} is none of the labels ({', '.join(labels)}); name "
            "sub-folders as the classes"
        )
    by_class = [(path, folder_path.name) for folder_path in inner for path in _files(folder_path)]
    if not by_class:
        raise InputError(f"images: the sub-folders of {folder} hold no image file ({', '.join(SUFFIXES)})")
    return [path for path, _ in by_class], [name for _, name in by_class]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)


def _shape_of(images: ImageSamples | list[Path]) -> ImageShape:
    """Channels, height and width of the samples themselves."""
    if isinstance(images, np.ndarray):
        return _array_shape(images, stacked=True)
    if isinstance(images, str | bytes | os.PathLike) or not isinstance(images, Iterable):
        raise ImageError(f"images is {type(images).__name__}; give arrays, a folder, or a list of files or PIL images")
    shapes: dict[ImageShape, int] = {}
    for index, image in enumerate(images):
        shapes.setdefault(_one_shape(image), index)
    if not shapes:
        raise InputError(
            "images holds no image; give at least one, better some hundred, that the networks were made for"
        )
    sizes = {shape[1:] for shape in shapes}
    if len(sizes) > 1:
        (first, second), *_ = [sorted(sizes)[:2]]
        raise ImageError(
            f"images have several sizes, {first[1]}x{first[0]} and {second[1]}x{second[0]} for instance; say with "
            "image_shape=(channels, height, width) what the networks take, and pictures are fitted to it"
        )
    return max(shape[0] for shape in shapes), *sizes.pop()


def _one_shape(image: ImageLike) -> ImageShape:
    if isinstance(image, np.ndarray):
        return _array_shape(image, stacked=False)
    picture: Picture = image
    opened = open_picture(picture, "RGB")
    grey = bool(np.ptp(np.asarray(opened), axis=2).max(initial=0) == 0)
    return 1 if grey else 3, opened.height, opened.width


def _array_shape(array: NDArray[np.generic], *, stacked: bool) -> ImageShape:
    sizes = array.shape[1:] if stacked and array.ndim >= 3 else array.shape
    if stacked and array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[1:] == array.shape[:0:-1]:
        sizes = array.shape[1:]
    if len(sizes) == 2:
        return 1, sizes[0], sizes[1]
    if len(sizes) == 3 and sizes[0] in (1, 3):
        return sizes[0], sizes[1], sizes[2]
    if len(sizes) == 3 and sizes[2] in (1, 3):
        return sizes[2], sizes[0], sizes[1]
    raise ImageError(
        f"images has shape {list(array.shape)}, but must be [N, H, W] or [N, C, H, W] with 1 (grey) or 3 (RGB) channels"
    )


def _classes(given: Sequence[str | int] | NDArray[np.generic], labels: Sequence[str], count: int) -> NDArray[np.int64]:
    values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    if len(values) != count:
        raise InputError(f"image_labels has {len(values)} entries for {count} images; give one for each image")
    return np.array([_class(value, labels, place) for place, value in enumerate(values)], np.int64)


def _class(value: object, labels: Sequence[str], place: int) -> int:
    if isinstance(value, str) and value in labels:
        return list(labels).index(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels):
        return value
    raise InputError(
        f"image_labels[{place}] is {value!r}, but must be one of {', '.join(labels)} or an index from 0 to "
        f"{len(labels) - 1}"
    )


def sub_folders(folder: Path) -> list[str]:
    """Names of the classes that a folder's sub-folders are named for, sorted; none where it has no sub-folders."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def read_class_table(table: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Images of a folder with the classes that a CSV file of `file name, class` gives them.

    Args:
        table: the CSV file; a first line without an existing file name is its heading.
        folder: where the files are.

    Raises:
        InputError: the table cannot be read, or names no file of the folder.
    """
    try:
        rows = [row for row in csv.reader(table.read_text("utf-8").splitlines()) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {table} as a table of file names and classes: {error}") from error
    if rows and not (folder / rows[0][0]).is_file():
        rows = rows[1:]
    for number, row in enumerate(rows):
        if len(row) < 2:
            raise InputError(f"{table}: {row[0]!r} has no class beside it; give file name and class in every line")
        if not (folder / row[0].strip()).is_file():
            raise InputError(f"{table}: entry {number + 1} names {row[0]!r}, which is no file in {folder}")
    if not rows:
        raise InputError(f"{table} names no file in {folder}; give lines of file name and class")
    return [folder / row[0].strip() for row in rows], [row[1].strip() for row in rows]


def read_sample_file(path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic] | None]:
    """Arrays `images` and, where it is there, `labels` of an .npz file; nothing is unpickled.

    Raises:
        InputError: the file cannot be read, or has no `images`.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            known = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as error:
        raise InputError(f"images: {path} does not exist; give a folder or an .npz file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"images: {path} cannot be read as an .npz file of arrays: {error}") from error
    if "images" not in known:
        raise InputError(f"images: {path} has the arrays {', '.join(known) or 'none'}, but must have one named images")
    return known["images"], known.get("labels")
