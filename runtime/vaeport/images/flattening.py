"""A decoded picture of any mode as 8-bit grey or RGB over white, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..errors import ImageError

_BAND_PIXELS = 2**20
"""Pixels that are converted at once: each passes through a few copies, the whole picture through none."""

_GREY_16 = 257
"""Steps of 16-bit grey in one step of 8 bits."""


def flat(picture: Image.Image, mode: str) -> Image.Image:
    """The picture without transparency (over white), as 8-bit `L` or `RGB`.

    Args:
        picture: decoded, of any mode; left as it is, and the answer may be the picture itself.
        mode: `L` (ITU-R 601-2 luma) or `RGB`.

    Raises:
        ImageError: floating-point pixels.
        ValueError: a mode that Pillow cannot convert.
    """
    if picture.mode == "F":
        raise ImageError("floating-point image files have no fixed range; convert them to 8 or 16 bits first")
    if picture.mode == mode and not picture.has_transparency_data:
        return picture
    page = Image.new(mode, picture.size)
    for box in _bands(picture.size):
        page.paste(_flat_band(picture.crop(box), mode), box)
    return page


def _bands(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    width, height = size
    rows = max(1, _BAND_PIXELS // max(width, 1))
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _flat_band(band: Image.Image, mode: str) -> Image.Image:
    if band.mode.startswith("I"):
        levels = np.asarray(band).astype(np.int64) // _GREY_16
        band = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if band.has_transparency_data:
        layer = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return band.convert(mode)
