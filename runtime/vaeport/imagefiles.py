"""Opening pictures from strangers: formats by name, limits before a pixel is decoded, every failure one sentence."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from .errors import ImageError, ImageNotFoundError

Picture = str | os.PathLike[str] | bytes | Image.Image
"""A path, the content of an image file, or a PIL image."""

_ORIENTATION, _UPRIGHT = 0x0112, 1

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""File formats that are opened; every other decoder of Pillow stays shut."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
"""Endings by which image files are found in a folder; what a file is, its content says."""

MAX_BYTES = 100_000_000
"""Files beyond this are refused before they are decoded."""

MAX_PIXELS = 64_000_000
"""Images beyond this are refused before a pixel is decoded."""


def open_picture(source: Picture, mode: str) -> Image.Image:
    """The picture, decoded, upright (EXIF), without transparency (over white), as 8-bit `L` or `RGB`.

    Args:
        source: see `Picture`; of an animation the first frame counts.
        mode: `L` (ITU-R 601-2 luma) or `RGB`.

    Raises:
        ImageNotFoundError: no file at a path.
        ImageError: not an image, of another format, damaged, or too large.
    """
    return _flat(_opened(source), mode)


def _opened(source: Picture) -> Image.Image:
    if isinstance(source, Image.Image):
        return _decoded(source, "the given PIL image")
    name = "the given content" if isinstance(source, bytes) else str(source)
    try:
        content = _checked(source, name) if isinstance(source, bytes) else _read_file(Path(source))
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            return _decoded(picture, name)
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"no such image file: {name}") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image of a known format ({', '.join(FORMATS)})") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name} has more than {MAX_PIXELS} pixels") from error
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"cannot read {name} as an image: {' '.join(str(error).split())}") from error


def _read_file(path: Path) -> bytes:
    """Content of a plain file of reasonable size; the file is closed before a decoder sees a byte."""
    if path.exists() and not path.is_file():
        raise ImageError(f"cannot read {path} as an image: it is no file")
    with path.open("rb") as file:
        return _checked(file.read(MAX_BYTES + 1), str(path))


def _checked(content: bytes, name: str) -> bytes:
    if len(content) > MAX_BYTES:
        raise ImageError(f"{name} is larger than {MAX_BYTES} bytes")
    return content


def _decoded(picture: Image.Image, name: str) -> Image.Image:
    if picture.width * picture.height > MAX_PIXELS:
        raise ImageError(f"{name} has {picture.width}x{picture.height} pixels, more than {MAX_PIXELS} in all")
    picture.load()
    if picture.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
        return picture.copy()
    from PIL import ImageOps  # few files are turned, and only they wait for it

    return ImageOps.exif_transpose(picture)


def _flat(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode.startswith("I"):
        picture = Image.fromarray(np.clip(np.asarray(picture).astype(np.int64) // 257, 0, 255).astype(np.uint8))
    elif picture.mode == "F":
        raise ImageError("floating-point image files have no fixed range; convert them to 8 or 16 bits first")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture.convert(mode)
