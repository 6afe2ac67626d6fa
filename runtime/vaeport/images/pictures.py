"""Grids of small images with headings, as people look at them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..common.fileio import write_atomic
from ..errors import InputError

if TYPE_CHECKING:
    from PIL import ImageFont

_GAP = 2
_PAPER, _TEXT = (255, 255, 255), (60, 60, 60)
_FONT_PIXELS = 13
_MOST_HEADING = 160  # pixels


def draw_grid(
    pixels: NDArray[np.uint8],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    scale: int = 2,
) -> Image.Image:
    """Draw images in rows and columns.

    Args:
        pixels: uint8 [rows, columns, C, H, W]; C is 1 (grey) or 3 (RGB).
        columns: headings above the columns, or none; upright where one is wider than its column.
        rows: headings left of the rows, or none.
        scale: screen pixels a side for each image pixel.

    Returns:
        An RGB picture.
    """
    from PIL import ImageDraw, ImageFont  # who only classifies need not wait for fonts

    n_rows, n_columns, _, height, width = pixels.shape
    font = ImageFont.load_default(_FONT_PIXELS)
    left = max((int(font.getlength(text)) for text in rows), default=-2 * _GAP) + 2 * _GAP
    step_x, step_y = width * scale + _GAP, height * scale + _GAP
    headings = [_heading(_cut(text, font.getlength), font) for text in columns]
    if any(heading.width > step_x for heading in headings):
        headings = [heading.transpose(Image.Transpose.ROTATE_90) for heading in headings]
    top = max((heading.height for heading in headings), default=-2 * _GAP) + 2 * _GAP
    page = Image.new("RGB", (left + n_columns * step_x + _GAP, top + n_rows * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(page)
    for c, heading in enumerate(headings):
        middle = left + _GAP + c * step_x + (step_x - _GAP) // 2
        page.paste(_TEXT, (middle - heading.width // 2, top - _GAP - heading.height), heading)
    for r, text in enumerate(rows):
        draw.text((left - _GAP, top + _GAP + r * step_y + step_y / 2), text, _TEXT, font, anchor="rm")
    for r in range(n_rows):
        for c in range(n_columns):
            tile = _enlarged(as_picture(pixels[r, c]).convert("RGB"), scale)
            page.paste(tile, (left + _GAP + c * step_x, top + _GAP + r * step_y))
    return page


def as_picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """One image, uint8 [C, H, W], as a grey or RGB PIL image of the same size."""
    return Image.fromarray(pixels[0] if pixels.shape[0] == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def save_picture(picture: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a PNG, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    return write_atomic(path, lambda file: picture.save(file, "PNG", optimize=True))


def save_film(frames: NDArray[np.uint8], path: str | os.PathLike[str], *, scale: int, milliseconds: int) -> Path:
    """Write frames, uint8 [N, C, H, W], as a GIF that runs there and back again without end, whole or not at all.

    Args:
        frames: at least one.
        path: where it shall stand.
        scale: screen pixels a side for each image pixel.
        milliseconds: how long each frame stands, rounded to hundredths of a second as GIF has them.

    Raises:
        InputError: there is no frame, or a number is out of its range.
        OutputError: it cannot be written.
    """
    if not len(frames):
        raise InputError("a film needs at least one image")
    if not (10 <= milliseconds <= 60_000 and 1 <= scale <= 64):
        raise InputError(f"milliseconds is {milliseconds} and scale {scale}, but must be in 10 to 60000 and 1 to 64")
    first, *rest = [_enlarged(as_picture(frame), scale) for frame in [*frames, *frames[-2:0:-1]]]
    return write_atomic(
        path, lambda file: first.save(file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    )


def _enlarged(picture: Image.Image, scale: int) -> Image.Image:
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def _heading(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> Image.Image:
    """A line of text as a mask."""
    from PIL import ImageDraw

    mask = Image.new("L", (math.ceil(font.getlength(text)), _FONT_PIXELS + _GAP))
    ImageDraw.Draw(mask).text((mask.width / 2, mask.height / 2), text, 255, font, anchor="mm")
    return mask


def _cut(text: str, length: Callable[[str], float]) -> str:
    """Text of at most `_MOST_HEADING` pixels, dots in place of what does not fit."""
    if length(text) <= _MOST_HEADING:
        return text
    while len(text) > 1 and length(f"{text}...") > _MOST_HEADING:
        text = text[:-1]
    return f"{text}..."
