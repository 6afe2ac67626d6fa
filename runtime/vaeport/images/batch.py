"""Images of every common form become float32 [N, C, H, W] in [0, 1], ink is 1 (docs/images.md).

Arrays are taken as they are. Pictures (files, their content, PIL images) are made upright, grey or RGB, fitted to the
model's size, and for grey models turned to light ink on dark ground.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..common.arguments import one_of, shown
from ..common.arrays import array_of, bad_row_sentence, bad_rows, plain_array
from ..errors import ImageError
from .files import Picture, open_picture
from .fitting import Fit, Polarity, fit_picture
from .scaling import from_uint8, to_uint8

__all__ = ["Fit", "ImageLike", "ImageQueue", "Images", "Polarity", "queue_images", "stream", "to_batch", "to_uint8"]

ImageLike = Picture | NDArray[np.generic]
"""A path, the content of an image file, a PIL image, or a uint8 or float array of one image or a batch."""

Images = ImageLike | Iterable[ImageLike]
"""One of them, or many."""

_MOST_NESTING = 16
"""Lists within lists that are searched for images; a list that holds itself ends there."""

_TYPES = (np.dtype(np.uint8), np.dtype(np.bool_))
"""Types of arrays beside floating-point numbers."""


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
        row = 0
        for part in self.parts:
            for piece in self._pieces(part, rows, row):
                row += len(piece)
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

    def _pieces(self, part: Picture | NDArray[np.generic], rows: int, row: int) -> Iterator[NDArray[np.float32]]:
        """Pixels of one part, whose first image is number `row` of all."""
        if isinstance(part, np.ndarray):
            for first in range(0, len(part), rows):
                piece = part[first : first + rows]
                if piece.dtype.kind == "f" and not _in_range(piece):
                    raise ImageError(_range_sentence(part, first, row + first, rows))
                yield _normalised(piece)
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
    drawn = cast("Polarity", one_of(polarity, "polarity", get_args(Polarity)))
    fitted = cast("Fit", one_of(fit, "fit", get_args(Fit)))
    return ImageQueue(tuple(_parts(images, shape, _MOST_NESTING)), shape, drawn, fitted)


def stream(images: Iterable[ImageLike]) -> Iterator[ImageLike]:
    """The images one by one.

    Raises:
        ImageError: a single image, or something that is not iterable.
    """
    if isinstance(images, str | os.PathLike | bytes | Image.Image | Mapping) or not isinstance(images, Iterable):
        raise ImageError(f"images is {shown(images)}, but must be a stream of images: a list or an iterator")
    if isinstance(images, np.ndarray) and not images.ndim:
        raise ImageError(f"images is {shown(images)}, but must be a stream of images: a list or an iterator")
    return iter(images)


def to_batch(
    images: Images, shape: tuple[int, int, int], *, polarity: Polarity = "auto", fit: Fit = "resize"
) -> NDArray[np.float32]:
    """Read images into one batch for a model: float32 [N, C, H, W] in [0, 1], ink is 1.

    Arguments as of `queue_images`, errors as of `queue_images` and `ImageQueue.chunks`.
    """
    return queue_images(images, shape, polarity=polarity, fit=fit).read()


def _parts(images: object, shape: tuple[int, int, int], nesting: int) -> Iterator[Picture | NDArray[np.generic]]:
    if isinstance(images, np.ndarray):
        yield _arranged(images, shape)
    elif isinstance(images, str | os.PathLike | bytes | Image.Image):
        yield images
    elif hasattr(type(images), "__array__"):
        array = array_of(images)
        if array is None:
            raise ImageError(f"the image {shown(images)} does not give its array")
        yield _arranged(array, shape)
    elif isinstance(images, Iterable) and not isinstance(images, Mapping | bytearray | memoryview):
        if not nesting:
            raise ImageError(f"images are nested more than {_MOST_NESTING} lists deep; give a flat list")
        for image in images:
            yield from _parts(image, shape, nesting - 1)
    else:
        raise ImageError(f"{shown(images)} is no image; give a path, bytes, a PIL image, an array, or several of these")


def _arranged(array: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.generic]:
    """The array as [N, C, H, W], whichever of the documented layouts it came in."""
    if isinstance(array, np.ma.MaskedArray):
        raise ImageError("the image array is masked; give plain numbers, for instance array.filled(0)")
    array = plain_array(array, "images")
    if array.dtype not in _TYPES and array.dtype.kind != "f":
        raise ImageError(f"image array is {array.dtype}, but must be uint8 in [0, 255] or float in [0, 1]")
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
    """Float32 in [0, 1], always an array of its own in plain order."""
    if batch.dtype == np.uint8:
        return from_uint8(np.ascontiguousarray(batch, np.uint8))
    with np.errstate(all="ignore"):  # 1e-300 is 0 in float32
        return np.array(batch, np.float32, order="C")


def _in_range(batch: NDArray[np.generic]) -> bool:
    """Whether all numbers are in [0, 1]; false for NaN."""
    with np.errstate(all="ignore"):  # a signalling NaN would warn
        return not batch.size or bool(batch.min() >= 0 and batch.max() <= 1)


def _range_sentence(part: NDArray[np.generic], first: int, row: int, rows: int) -> str:
    """What is wrong with an array of images from index `first`, which is number `row` of all images, on."""
    worst = part[first : first + rows]
    bad = bad_rows(worst, 0, 1)
    later = (part[after : after + rows] for after in range(first + rows, len(part), rows))
    more = sum(len(bad_rows(some, 0, 1)) for some in later)
    sentence = bad_row_sentence(worst, bad, row, "of the images", least=0, most=1, more=more)
    return f"{sentence} (float images must be in [0, 1]; divide by 255, or give uint8)"


def _joined(pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
