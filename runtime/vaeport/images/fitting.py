"""From an upright 8-bit picture of any size to the model's pixels (docs/images.md has every step).

`fit="mnist"` follows LeCun, Cortes and Burges (The MNIST database of handwritten digits, 1998): the ink is scaled
into a box of 20 x 20, its proportions kept, and put into 28 x 28 with its centre of mass in the middle.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError
from .scaling import from_uint8

Polarity = Literal["auto", "dark-ink", "light-ink"]
"""How pictures are drawn; `auto` takes the side of the paper's grey on which more differs from it for the ink's."""

Fit = Literal["resize", "mnist", "none"]
"""`resize` stretches to the model's size, `mnist` crops to the ink and centres it, `none` takes that size only."""

_WORKING_SIDE = 512
"""Larger pictures are averaged down to this before the ink is looked for."""

_INK = 0.3
"""Share of the strongest ink from which a pixel counts when the ink is cropped."""

_TIE = 1e-6
"""Pixels by which a centre of mass may be off halfway and still count as halfway, whatever order it was summed in."""

_SHADE = 0.1
"""Share of the strongest ink that is taken off everywhere: shadows and the grain of the paper."""

_BOX, _FIELD = 20, 28
"""MNIST's box in MNIST's field; other fields have a box of the same proportion."""


def fit_picture(
    picture: Image.Image, shape: tuple[int, int, int], *, fit: Fit, polarity: Polarity
) -> NDArray[np.float32]:
    """Pixels for a model.

    Args:
        picture: mode `L` for a grey model, `RGB` for a colour model.
        shape: the model's channels, height and width.
        fit: see `Fit`; `mnist` is for grey models.
        polarity: see `Polarity`; only grey models have one.

    Returns:
        float32 [C, H, W] in [0, 1], ink is 1.

    Raises:
        ImageError: with `none`, a picture of another size; with `mnist`, a model of RGB images.
    """
    channels, height, width = shape
    if fit == "mnist":
        if channels != 1:
            raise ImageError("fit='mnist' is for models of grey images, and this one takes RGB; use fit='resize'")
        return _fit_mnist(picture, height, width, polarity)[None]
    if picture.size != (width, height):
        if fit == "none":
            raise ImageError(
                f"the picture is {picture.width}x{picture.height}, this model takes {width}x{height}; "
                "use fit='resize' or fit='mnist'"
            )
        # One axis at a time: in one call, Pillow's versions differ in which goes first.
        for size in ((width, picture.height), (width, height)):
            picture = picture.resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(picture, np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
    if channels == 1 and _is_dark_ink(pixels[0], _paper(pixels[0]), polarity):
        pixels = 255 - pixels
    return from_uint8(pixels)


def _fit_mnist(picture: Image.Image, height: int, width: int, polarity: Polarity) -> NDArray[np.float32]:
    factor = math.ceil(max(picture.size) / _WORKING_SIDE)
    grey = np.asarray(picture.reduce(factor) if factor > 1 else picture, np.uint8)
    paper = _paper(grey)
    away = grey.astype(np.float64) - paper
    ink = np.maximum(-away if _is_dark_ink(grey, paper, polarity) else away, 0)
    field = np.zeros((height, width), np.float32)
    if not ink.any():
        return field
    ink = np.maximum(ink - _SHADE * ink.max(), 0)
    strong = ink >= _INK * ink.max()
    rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = min(height, width) * _BOX / _FIELD
    scale = box / max(cut.shape)
    small = _weights(cut.shape[0], scale) @ cut @ _weights(cut.shape[1], scale).T
    small /= small.max()
    top, left = (_offset(small.sum(axis=1 - axis), side) for axis, side in enumerate((height, width)))
    field[top : top + small.shape[0], left : left + small.shape[1]] = small
    return field


def _weights(size: int, scale: float) -> NDArray[np.float64]:
    """Matrix [round(size * scale), size] of a triangle filter, as wide as an output pixel or an input pixel."""
    n = max(1, math.floor(size * scale + 0.5))
    step = size / n
    support = max(step, 1.0)
    centres = (np.arange(n)[:, None] + 0.5) * step
    weights = np.maximum(0, 1 - np.abs(np.arange(size) + 0.5 - centres) / support)
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def _offset(mass: NDArray[np.float64], side: int) -> int:
    """Where an axis begins in the field, so that all of it is inside and its centre of mass where MNIST has it.

    That is the middle of pixel side / 2, half a pixel past the middle of the field.
    """
    centre = float((mass * (np.arange(len(mass)) + 0.5)).sum() / mass.sum())
    return min(max(math.floor((side + 1) / 2 - centre + 0.5 + _TIE), 0), side - len(mass))


def _paper(grey: NDArray[np.uint8]) -> float:
    """The paper's grey: the median of the border."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])))


def _is_dark_ink(grey: NDArray[np.uint8], paper: float, polarity: Polarity) -> bool:
    if polarity != "auto":
        return polarity == "dark-ink"
    away = grey.astype(np.float64) - paper
    below, above = (float(np.square(away[side]).sum()) for side in (away < 0, away > 0))
    return paper > 127 if below == above else below > above
