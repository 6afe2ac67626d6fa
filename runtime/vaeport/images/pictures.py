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

from ..common.arguments import file_path, shown, text, whole_number
from ..common.fileio import write_atomic
from ..common.plain import plain_text
from ..errors import InputError

if TYPE_CHECKING:
    from PIL import ImageFont

_GAP = 2
_PAPER, _TEXT = (255, 255, 255), (60, 60, 60)
_FONT_PIXELS = 13
_MOST_HEADING = 160  # pixels
_MOST_CHARACTERS = 80  # of a heading, before its pixels are measured
_SHORTEST, _LONGEST = 10, 60_000  # milliseconds

MOST_SCALE = 64
"""Screen pixels a side for each image pixel."""

MOST_COLUMNS = 10_000
"""Images a row of a grid."""

MAX_PAGE_PIXELS = 2**28
"""Pixels of a grid, and of all frames of a film together: about 1 GB as Pillow keeps colours."""


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
        scale: screen pixels a side for each image pixel, 1 to 64.

    Returns:
        An RGB picture.

    Raises:
        InputError: a number out of its range, headings that do not fit, or a page of more than `MAX_PAGE_PIXELS`.
    """
    from PIL import ImageDraw, ImageFont  # who only classifies need not wait for fonts

    n_rows, n_columns, _, height, width = pixels.shape
    scale = check_page(n_rows, n_columns, (height, width), scale)
    columns, rows = _headings(columns, "columns", n_columns), _headings(rows, "rows", n_rows)
    font = ImageFont.load_default(_FONT_PIXELS)
    left = max((int(font.getlength(heading)) for heading in rows), default=-2 * _GAP) + 2 * _GAP
    step_x, step_y = width * scale + _GAP, height * scale + _GAP
    headings = [_heading(_cut(heading, font.getlength), font) for heading in columns]
    if any(heading.width > step_x for heading in headings):
        headings = [heading.transpose(Image.Transpose.ROTATE_90) for heading in headings]
    top = max((heading.height for heading in headings), default=-2 * _GAP) + 2 * _GAP
    page = Image.new("RGB", (left + n_columns * step_x + _GAP, top + n_rows * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(page)
    for c, heading in enumerate(headings):
        middle = left + _GAP + c * step_x + (step_x - _GAP) // 2
        page.paste(_TEXT, (middle - heading.width // 2, top - _GAP - heading.height), heading)
    for r, line in enumerate(rows):
        draw.text((left - _GAP, top + _GAP + r * step_y + step_y / 2), line, _TEXT, font, anchor="rm")
    for r in range(n_rows):
        for c in range(n_columns):
            tile = _enlarged(as_picture(pixels[r, c]).convert("RGB"), scale)
            page.paste(tile, (left + _GAP + c * step_x, top + _GAP + r * step_y))
    return page


def check_page(rows: int, columns: int, size: tuple[int, ...], scale: int) -> int:
    """Refuse a page, or a film, that would be too large; return the scale.

    Args:
        rows: images from top to bottom, or frames.
        columns: images from left to right.
        size: height and width of an image.
        scale: screen pixels a side for each image pixel.

    Raises:
        InputError: `scale` is out of its range, or it would have more than `MAX_PAGE_PIXELS`.
    """
    scale = whole_number(scale, "scale", least=1, most=MOST_SCALE)
    height, width = (n * (side * scale + _GAP) for n, side in zip((rows, columns), size, strict=True))
    if height * width > MAX_PAGE_PIXELS:
        raise InputError(
            f"a picture of {rows} x {columns} images at scale {scale} would have {width}x{height} pixels, more than "
            f"{MAX_PAGE_PIXELS} in all; take fewer images or a smaller scale"
        )
    return scale


def as_picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """One image, uint8 [C, H, W], as a grey or RGB PIL image of the same size."""
    return Image.fromarray(pixels[0] if pixels.shape[0] == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def save_picture(picture: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a PNG, whole or not at all.

    Raises:
        InputError: the path is no path.
        OutputError: it cannot be written.
    """
    return write_atomic(file_path(path, "path"), lambda file: picture.save(file, "PNG", optimize=True))


def save_film(frames: NDArray[np.uint8], path: str | os.PathLike[str], *, scale: int, milliseconds: int) -> Path:
    """Write frames, uint8 [N, C, H, W], as a GIF that runs there and back again without end, whole or not at all.

    Args:
        frames: at least one.
        path: where it shall stand.
        scale: screen pixels a side for each image pixel, 1 to 64.
        milliseconds: how long each frame stands, 10 to 60000, rounded to hundredths of a second as GIF has them.

    Raises:
        InputError: there is no frame, a number is out of its range, or the frames are too large together.
        OutputError: it cannot be written.
    """
    if not len(frames):
        raise InputError("a film needs at least one image")
    milliseconds = whole_number(milliseconds, "milliseconds", least=_SHORTEST, most=_LONGEST)
    scale = check_page(2 * len(frames), 1, frames.shape[-2:], scale)
    target = file_path(path, "path")
    first, *rest = [_enlarged(as_picture(frame), scale) for frame in [*frames, *frames[-2:0:-1]]]
    return write_atomic(
        target, lambda file: first.save(file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    )


def _enlarged(picture: Image.Image, scale: int) -> Image.Image:
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def _heading(line: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> Image.Image:
    """A line of text as a mask."""
    from PIL import ImageDraw

    mask = Image.new("L", (math.ceil(font.getlength(line)), _FONT_PIXELS + _GAP))
    ImageDraw.Draw(mask).text((mask.width / 2, mask.height / 2), line, 255, font, anchor="mm")
    return mask


def _headings(given: Sequence[str], name: str, most: int) -> list[str]:
    """Headings on one line each, without control characters."""
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise InputError(f"{name} is {shown(given)}, but must be a list of headings")
    if len(given) > most:
        raise InputError(f"{name} has {len(given)} headings for {most} {name}; give at most one each")
    return [plain_text(text(heading, f"a heading of {name}")[:_MOST_CHARACTERS]) for heading in given]


def _cut(line: str, length: Callable[[str], float]) -> str:
    """Text of at most `_MOST_HEADING` pixels, dots in place of what does not fit."""
    if length(line) <= _MOST_HEADING:
        return line
    while len(line) > 1 and length(f"{line}...") > _MOST_HEADING:
        line = line[:-1]
    return f"{line}..."
