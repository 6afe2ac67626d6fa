"""Opening pictures from strangers: formats by name, limits before a pixel is decoded, every failure one sentence."""

from __future__ import annotations

import importlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import ImageError, ImageNotFoundError

Picture = str | os.PathLike[str] | bytes | Image.Image
"""A path, the content of an image file, or a PIL image."""

_ORIENTATION, _UPRIGHT = 0x0112, 1

FORMATS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "BMP": rb"BM",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF.{4}WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
}
"""File formats that are opened, and how each begins; no other decoder of Pillow is even imported."""

_CLASSES = {"PNG": "Png", "JPEG": "Jpeg", "BMP": "Bmp", "GIF": "Gif", "WebP": "WebP", "TIFF": "Tiff"}

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
        with _decoder(content, name)(io.BytesIO(content)) as picture:
            return _decoded(picture, name)
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"no such image file: {name}") from error
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"cannot read {name} as an image: {' '.join(str(error).split())}") from error


def _decoder(content: bytes, name: str) -> Callable[[io.BytesIO], Image.Image]:
    """Pillow's class for the content's format; `Image.open` would import five plugins, or all, to find the one."""
    kind = next((kind for kind, start in FORMATS.items() if re.match(start, content, re.DOTALL)), None)
    if kind is None:
        raise ImageError(f"{name} is not an image of a known format ({', '.join(FORMATS)})")
    stem = f"{_CLASSES[kind]}Image"
    decoder: Callable[[io.BytesIO], Image.Image] = getattr(importlib.import_module(f"PIL.{stem}Plugin"), f"{stem}File")
    return decoder


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
