"""An `.npz` file with `images` and `labels`, and if one likes `class_names`, `test_images` and `test_labels`."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import ArrayLike, NDArray

from vaeport.errors import ImageError, InputError, VaeportError
from vaeport.images.batch import to_batch, to_uint8

from .dataset import Dataset, Split
from .folder import suggested_held_out
from .memory import allocate_images

_DAMAGE = (OSError, KeyError, TypeError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_UNREADABLE = (*_DAMAGE, MemoryError)  # numpy asks for as much as a header claims

ARRAYS = "arrays"
"""Name of a data set that was never in a file."""

_ROWS = 4096
"""Images converted at once."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(path: Path, *, memory_limit: int | None = None) -> Dataset:
    """Read labelled arrays; nothing is unpickled.

    `images` are uint8 in [0, 255] or float in [0, 1], ink high, of shape [N, H, W], [N, C, H, W] or [N, H, W, C] with 1
    or 3 channels; `labels` are whole numbers from 0 to K - 1, [N]; `class_names` are K strings.

    Args:
        path: the file.
        memory_limit: bytes of images that are kept in memory, see `allocate_images`.

    Raises:
        InputError: no such file, an array missing or of another shape, labels outside the classes, NaN.
    """
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            return _read(path, file, memory_limit)
    except VaeportError:
        raise
    except _UNREADABLE as error:
        raise InputError(f"cannot read {path} as an .npz file: {error}") from error


def dataset_of_arrays(images: ArrayLike, labels: ArrayLike, class_names: Sequence[str] | None = None) -> Dataset:
    """A data set called `arrays` from arrays in memory, shaped as `read_arrays` takes them.

    Raises:
        InputError: an array has another shape or type, labels outside the classes, NaN.
    """
    pixels, indices = np.asarray(images), np.asarray(labels)
    names = _class_names(ARRAYS, indices, None if class_names is None else np.asarray(class_names))
    parts = (pixels[first : first + _ROWS] for first in range(0, len(pixels) if pixels.ndim else 0, _ROWS))
    development = _split(ARRAYS, pixels.shape, parts, indices, len(names), None)
    _check_classes(ARRAYS, names, development)
    return Dataset(
        name=ARRAYS,
        class_names=names,
        development=development,
        test=None,
        held_out=suggested_held_out(development),
        licence="arrays in memory, licence not stated",
    )


def _read(path: Path, file: NpzFile[Any], memory_limit: int | None) -> Dataset:
    if missing := [name for name in ("images", "labels") if name not in file.files]:
        raise InputError(f"{path} holds no {missing[0]!r}; it needs 'images' and 'labels'")
    labels, where = file["labels"], str(path)
    names = _class_names(where, labels, file["class_names"] if "class_names" in file.files else None)
    development = _stored_split(path, file, "images", labels, len(names), memory_limit)
    _check_classes(where, names, development)
    test = None
    if "test_images" in file.files and "test_labels" in file.files:
        test = _stored_split(path, file, "test_images", file["test_labels"], len(names), memory_limit)
    return Dataset(
        name=path.stem,
        class_names=names,
        development=development,
        test=test,
        held_out=suggested_held_out(development),
        licence=f"arrays of the file {path.name}, licence not stated",
    )


def _check_classes(where: str, names: tuple[str, ...], development: Split) -> None:
    for index, name in enumerate(names):
        if np.count_nonzero(development.labels == index) < 2:
            raise InputError(f"{where}: class {name!r} has fewer than 2 images")


def _class_names(where: str, labels: NDArray[np.generic], given: NDArray[np.generic] | None) -> tuple[str, ...]:
    if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 1 or not labels.size:
        raise InputError(f"{where}: 'labels' must be whole numbers [N], but are {labels.dtype} {list(labels.shape)}")
    if int(labels.max()) >= len(labels):
        raise InputError(f"{where}: a label is {int(labels.max())}, but there are only {len(labels)} images")
    if given is not None:
        names = tuple(str(name) for name in given.reshape(-1))
    else:
        names = tuple(str(index) for index in range(int(labels.astype(np.int64).max()) + 1))
    if len(names) < 2 or len(set(names)) != len(names):
        raise InputError(f"{where}: needs at least two classes with different names, but has {list(names)}")
    return names


def _stored_split(
    path: Path, file: NpzFile[Any], name: str, labels: NDArray[np.generic], classes: int, memory_limit: int | None
) -> Split:
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        shape, column_major, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
        if column_major or dtype.hasobject:
            parts: Iterator[NDArray[np.generic]] = iter([file[name]])  # these cannot be read, or not in parts
        else:
            parts = _parts(member, shape, dtype)
        return _split(str(path), shape, parts, labels, classes, memory_limit)


def _split(
    where: str,
    shape: tuple[int, ...],
    parts: Iterator[NDArray[np.generic]],
    labels: NDArray[np.generic],
    classes: int,
    memory_limit: int | None,
) -> Split:
    """Images, which come in parts, and their labels."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{where}: labels of type {labels.dtype} {list(labels.shape)} must be whole numbers [N]")
    if len(shape) < 3 or 0 in shape:
        raise InputError(f"{where}: images of shape {list(shape)} must be pixels, [N, H, W] at least")
    if shape[0] != len(labels):
        raise InputError(f"{where} holds {shape[0]} images but {len(labels)} labels")
    indices = labels.astype(np.int64)
    if indices.min() < 0 or indices.max() >= classes:
        raise InputError(
            f"{where}: labels run from {indices.min()} to {indices.max()}, but must be from 0 to {classes - 1} "
            f"for {classes} classes"
        )
    try:
        image_shape = _image_shape(shape)
        images, done = allocate_images((shape[0], *image_shape), limit=memory_limit), 0
        for part in parts:
            images[done : done + len(part)] = to_uint8(to_batch(part, image_shape))
            done += len(part)
    except ImageError as error:
        raise InputError(f"{where}: {error}") from error
    return Split(images, indices)


def _parts(member: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Iterator[NDArray[np.generic]]:
    """An array's rows, some at a time, so that it never lies in memory as a whole."""
    row = shape[1:]
    for first in range(0, shape[0], _ROWS):
        count = min(_ROWS, shape[0] - first)
        yield np.frombuffer(member.read(count * math.prod(row) * dtype.itemsize), dtype).reshape(count, *row)


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    size = shape[1:]
    if len(size) == 2:
        return 1, size[0], size[1]
    if len(size) == 3 and size[0] in (1, 3):
        return size[0], size[1], size[2]
    if len(size) == 3 and size[2] in (1, 3):
        return size[2], size[0], size[1]
    raise ImageError(f"'images' has shape {list(shape)}, but must be [N, H, W], [N, C, H, W] or [N, H, W, C]")
