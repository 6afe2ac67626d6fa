"""Images of every common form become float32 [N, C, H, W] in [0, 1], ink is 1 (docs/images.md).

Arrays are taken as they are. Pictures (files, their content, PIL images) are made upright, grey or RGB, fitted to the
model's size, and for grey models turned to light ink on dark ground.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError, InputError
from .files import Picture, open_picture
from .fitting import Fit, Polarity, fit_picture
from .scaling import from_uint8, to_uint8

__all__ = ["Fit", "ImageLike", "ImageQueue", "Images", "Polarity", "queue_images", "to_batch", "to_uint8"]

ImageLike = Picture | NDArray[np.generic]
"""A path, the content of an image file, a PIL image, or a uint8 or float array of one image or a batch."""

Images = ImageLike | Iterable[ImageLike]
"""One of them, or many."""


@dataclass(frozen=True)
class ImageQueue:
    """Images that have been counted but not yet read. Made by `queue_images`."""

    parts: tuple[Picture | NDArray[np.generic], ...]
    """Pictures, and arrays [N, C, H, W] whose values are not yet checked."""
    shape: tuple[int, int, int]
    """The model's channels, height and width."""
    polarity: Polarity
    """How the pictures are drawn."""
    fit: Fit
    """How the pictures are brought to the model's size."""

    def __len__(self) -> int:
        return sum(len(part) if isinstance(part, np.ndarray) else 1 for part in self.parts)

    def chunks(self, rows: int) -> Iterator[NDArray[np.float32]]:
        """Read the images, float32 [1 to rows, C, H, W] at a time.

        Raises:
            ImageError, ImageNotFoundError: a picture cannot be taken, or an array is of another type or range.
        """
        waiting: list[NDArray[np.float32]] = []
        for part in self.parts:
            for piece in self._pieces(part, rows):
                if sum(map(len, waiting)) + len(piece) > rows:
                    yield _joined(waiting)
                    waiting = []
                waiting.append(piece)
        if waiting:
            yield _joined(waiting)

    def read(self) -> NDArray[np.float32]:
        """All images at once; errors as of `chunks`."""
        chunks = list(self.chunks(max(len(self), 1)))
        return chunks[0] if chunks else np.zeros((0, *self.shape), np.float32)

    def _pieces(self, part: Picture | NDArray[np.generic], rows: int) -> Iterator[NDArray[np.float32]]:
        if isinstance(part, np.ndarray):
            for first in range(0, len(part), rows):
                yield _normalised(part[first : first + rows])
        else:
            picture = open_picture(part, "L" if self.shape[0] == 1 else "RGB")
            yield fit_picture(picture, self.shape, fit=self.fit, polarity=self.polarity)[None]


def queue_images(
    images: Images, shape: tuple[int, int, int], *, polarity: Polarity = "auto", fit: Fit = "resize"
) -> ImageQueue:
    """Take images in any form, count them, and check the arrays' shapes.

    Args:
        images: a picture or array, or several of these. Arrays are uint8 in [0, 255] or float in [0, 1], of shape
            [H, W], [C, H, W], [N, H, W], [N, C, H, W], or with the channels last, and of the model's own size.
        shape: the model's channels, height and width.
        polarity: see `Polarity`; arrays are never inverted.
        fit: see `Fit`; arrays are never fitted.

    Raises:
        ImageError: not an image, or an array of another shape.
        InputError: an unknown polarity or fit.
    """
    for name, value, known in (("polarity", polarity, get_args(Polarity)), ("fit", fit, get_args(Fit))):
        if value not in known:
            raise InputError(f"{name} is {value!r}, but must be one of {', '.join(known)}")
    return ImageQueue(tuple(_parts(images, shape)), shape, polarity, fit)


def to_batch(
    images: Images, shape: tuple[int, int, int], *, polarity: Polarity = "auto", fit: Fit = "resize"
) -> NDArray[np.float32]:
    """Read images into one batch for a model: float32 [N, C, H, W] in [0, 1], ink is 1.

    Arguments as of `queue_images`, errors as of `queue_images` and `ImageQueue.chunks`.
    """
    return queue_images(images, shape, polarity=polarity, fit=fit).read()


def _parts(images: object, shape: tuple[int, int, int]) -> Iterator[Picture | NDArray[np.generic]]:
    if isinstance(images, np.ndarray):
        yield _arranged(images, shape)
    elif isinstance(images, str | os.PathLike | bytes | Image.Image):
        yield images
    elif isinstance(images, Iterable):
        for image in images:
            yield from _parts(image, shape)
    else:
        raise ImageError(
            f"{type(images).__name__} is no image; give a path, bytes, a PIL image, an array, or several of these"
        )


def _arranged(array: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.generic]:
    """The array as [N, C, H, W], whichever of the documented layouts it came in."""
    channels, height, width = shape
    size = array.shape
    if channels == 1 and size[-2:] == (height, width) and len(size) in (2, 3):
        return array.reshape(-1, *shape)
    if size[-3:] == shape and len(size) in (3, 4):
        return array.reshape(-1, *shape)
    if size[-3:] == (height, width, channels) and len(size) in (3, 4):
        return np.moveaxis(array.reshape(-1, height, width, channels), -1, 1)
    raise ImageError(
        f"image array has shape {list(size)}, but this model takes [N, {channels}, {height}, {width}]"
        + (f", [N, {height}, {width}] or [{height}, {width}]" if channels == 1 else " or channels last")
        + "; PIL.Image.fromarray(array) has one of another size fitted"
    )


def _normalised(batch: NDArray[np.generic]) -> NDArray[np.float32]:
    """Float32 in [0, 1], always an array of its own."""
    if batch.dtype == np.uint8:
        return from_uint8(batch.astype(np.uint8, copy=False))
    if batch.dtype == np.bool_:
        return batch.astype(np.float32)
    if not np.issubdtype(batch.dtype, np.floating):
        raise ImageError(f"image array is {batch.dtype}, but must be uint8 in [0, 255] or float in [0, 1]")
    if batch.size and not (np.min(batch) >= 0 and np.max(batch) <= 1):  # also true for NaN
        raise ImageError(
            f"float image array has values from {np.min(batch):g} to {np.max(batch):g}, but must be in [0, 1]; "
            "divide by 255, or give uint8"
        )
    return batch.astype(np.float32)


def _joined(pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
