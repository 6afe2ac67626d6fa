"""Opening pictures from strangers: formats by name, limits before a pixel is decoded, every failure one sentence."""

from __future__ import annotations

import importlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ..common.arguments import file_path
from ..errors import ImageError, ImageNotFoundError, InputError
from .flattening import flat
from .headers import check_exif, declared_size
from .quiet import quiet_pillow

Picture = str | os.PathLike[str] | bytes | Image.Image
"""A path, the content of an image file, or a PIL image."""

_ORIENTATION, _UPRIGHT = 0x0112, 1

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture of each EXIF orientation upright."""

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

_MOST_PIXELS = {"WebP": 32_000_000}
"""Formats whose decoder keeps several copies of the picture: it composes animations, and takes all for one."""

MAX_SIDE = 65_535
"""Longest side; fitting keeps some fifty bytes for each pixel of a side."""

_MOST_CHARACTERS = 200
"""Of a decoder's complaint."""


def open_picture(source: Picture, mode: str) -> Image.Image:
    """The picture, decoded, upright (EXIF), without transparency (over white), as 8-bit `L` or `RGB`.

    Pillow's warnings do not reach the caller. Of a PIL image that holds nothing but pixels of this mode, the answer
    may be the image itself.

    Args:
        source: see `Picture`; of an animation the first frame counts.
        mode: `L` (ITU-R 601-2 luma) or `RGB`.

    Raises:
        ImageNotFoundError: no file at a path.
        ImageError: not an image, of another format, damaged, closed, too large, or made to cost a decoder dearly.
    """
    if isinstance(source, Image.Image):
        name = "the given PIL image"
    elif isinstance(source, bytes):
        name = "the given content"
    else:
        source = _path(source)
        name = str(source)
    try:
        with quiet_pillow():
            if isinstance(source, Image.Image):
                picture, turn = _decoded(source, mode, name)
            else:
                content = _checked(source, name) if isinstance(source, bytes) else _read_file(source)
                with _decoder(content, name)(io.BytesIO(content)) as opened:
                    picture, turn = _decoded(opened, mode, name)
                    del opened
            return picture if turn is None else picture.transpose(turn)
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"no such image file: {name}") from error
    except ImageError:
        raise
    except Exception as error:
        why = " ".join((str(error) or type(error).__name__).split())[:_MOST_CHARACTERS]
        raise ImageError(f"cannot read {name} as an image: {why}") from error


def _path(source: str | os.PathLike[str]) -> Path:
    try:
        return file_path(source, "the path of an image")
    except InputError as error:
        raise ImageError(str(error)) from error


def _decoder(content: bytes, name: str) -> Callable[[io.BytesIO], Image.Image]:
    """Pillow's class for the content's format; `Image.open` would import five plugins, or all, to find the one."""
    kind = next((kind for kind, start in FORMATS.items() if re.match(start, content, re.DOTALL)), None)
    if kind is None:
        raise ImageError(f"{name} is not an image of a known format ({', '.join(FORMATS)})")
    size = declared_size(kind, content)
    if size is not None:
        _check_size(size, name, kind)
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


def _check_size(size: tuple[int, int], name: str, kind: str) -> None:
    width, height = size
    most = _MOST_PIXELS.get(kind, MAX_PIXELS)
    if not width * height:
        raise ImageError(f"{name} has {width}x{height} pixels, which is no picture")
    if width * height > most:
        raise ImageError(f"{name} has {width}x{height} pixels, more than {most} in all")
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"{name} has {width}x{height} pixels, more than {MAX_SIDE} a side")


def _decoded(picture: Image.Image, mode: str, name: str) -> tuple[Image.Image, Image.Transpose | None]:
    """The pixels, flat, and how they are turned upright: after what makes them fewer bytes."""
    _check_size(picture.size, name, picture.format or "")
    exif = picture.info.get("exif")
    if isinstance(exif, bytes):
        check_exif(exif)
    picture.load()
    orientation = picture.getexif().get(_ORIENTATION, _UPRIGHT)
    return flat(picture, mode), _TURNS.get(orientation)
