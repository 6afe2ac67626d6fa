"""An `.npz` file with `images` and `labels`, and if one likes `class_names`, `test_images` and `test_labels`."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import ImageError, InputError
from vaeport.images import to_batch, to_uint8

from .dataset import Dataset, Split
from .folder import suggested_held_out


def read_arrays(path: Path) -> Dataset:
    """Read labelled arrays; nothing is unpickled.

    `images` are uint8 in [0, 255] or float in [0, 1], ink high, of shape [N, H, W], [N, C, H, W] or [N, H, W, C] with 1
    or 3 channels; `labels` are whole numbers from 0 to K - 1, [N]; `class_names` are K strings.

    Raises:
        InputError: no such file, an array missing or of another shape, labels outside the classes, NaN.
    """
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, TypeError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read {path} as an .npz file: {error}") from error
    if missing := [name for name in ("images", "labels") if name not in arrays]:
        raise InputError(f"{path} holds no {missing[0]!r}; it needs 'images' and 'labels'")
    names = _class_names(path, arrays)
    development = _split(path, arrays["images"], arrays["labels"], len(names))
    for index, name in enumerate(names):
        if np.count_nonzero(development.labels == index) < 2:
            raise InputError(f"{path}: class {name!r} has fewer than 2 images")
    test = None
    if "test_images" in arrays and "test_labels" in arrays:
        test = _split(path, arrays["test_images"], arrays["test_labels"], len(names))
    return Dataset(
        name=path.stem,
        class_names=names,
        development=development,
        test=test,
        held_out=suggested_held_out(development),
        licence=f"arrays of the file {path.name}, licence not stated",
    )


def _class_names(path: Path, arrays: dict[str, NDArray[np.generic]]) -> tuple[str, ...]:
    labels = arrays["labels"]
    if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 1 or not labels.size:
        raise InputError(f"{path}: 'labels' must be whole numbers [N], but are {labels.dtype} {list(labels.shape)}")
    if int(labels.max()) >= len(labels):
        raise InputError(f"{path}: a label is {int(labels.max())}, but there are only {len(labels)} images")
    if "class_names" in arrays:
        names = tuple(str(name) for name in arrays["class_names"].reshape(-1))
    else:
        names = tuple(str(index) for index in range(int(labels.astype(np.int64).max()) + 1))
    if len(names) < 2 or len(set(names)) != len(names):
        raise InputError(f"{path}: needs at least two classes with different names, but has {list(names)}")
    return names


def _split(path: Path, images: NDArray[np.generic], labels: NDArray[np.generic], classes: int) -> Split:
    if images.ndim < 3 or not images.size:
        raise InputError(f"{path}: images of shape {list(images.shape)} must be pixels, [N, H, W] at least")
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: labels of type {labels.dtype} {list(labels.shape)} must be whole numbers [N]")
    if len(images) != len(labels):
        raise InputError(f"{path} holds {len(images)} images but {len(labels)} labels")
    indices = labels.astype(np.int64)
    if indices.min() < 0 or indices.max() >= classes:
        raise InputError(
            f"{path}: labels run from {indices.min()} to {indices.max()}, but must be from 0 to {classes - 1} "
            f"for {classes} classes"
        )
    try:
        return Split(to_uint8(to_batch(images, _image_shape(images))), indices)
    except ImageError as error:
        raise InputError(f"{path}: {error}") from error


def _image_shape(images: NDArray[np.generic]) -> tuple[int, int, int]:
    size = images.shape[1:]
    if len(size) == 2:
        return 1, size[0], size[1]
    if len(size) == 3 and size[0] in (1, 3):
        return size[0], size[1], size[2]
    if len(size) == 3 and size[2] in (1, 3):
        return size[2], size[0], size[1]
    raise ImageError(f"'images' has shape {list(images.shape)}, but must be [N, H, W], [N, C, H, W] or [N, H, W, C]")
