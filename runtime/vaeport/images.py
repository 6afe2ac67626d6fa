"""Images of every common form become one array: float32 [N, C, H, W] in [0, 1], ink is 1.

Arrays are taken as they are. Files and PIL images go through these steps, pixel for pixel: EXIF rotation; 16-bit grey
divided by 257; transparency laid over white; grey (ITU-R 601-2 luma) or RGB as the model wants; resized with Lanczos
where the size differs; for grey models turned to light ink on dark ground; divided by 255 in float32.
"""

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import ImageError, ImageNotFoundError, InputError

ImageLike = str | os.PathLike[str] | Image.Image | NDArray[np.generic]
"""A path, a PIL image, or a uint8 or float array of one image or a batch."""

Polarity = Literal["auto", "dark-ink", "light-ink"]
"""How files and PIL images are drawn; `auto` looks at the border: a light border means dark ink on paper."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""File formats that are opened; every other decoder of Pillow stays shut."""

MAX_BYTES = 100_000_000
"""Files beyond this are refused before they are decoded."""

MAX_PIXELS = 64_000_000
"""Images beyond this are refused before a pixel is decoded."""


def to_batch(
    images: ImageLike | Sequence[ImageLike], shape: tuple[int, int, int], *, polarity: Polarity = "auto"
) -> NDArray[np.float32]:
    """Turn one image or many into a batch for a model.

    Args:
        images: a path, PIL image or array, or a sequence of these. Arrays are uint8 in [0, 255] or float in [0, 1], of
            shape [H, W], [C, H, W], [N, H, W], [N, C, H, W], or with the channels last.
        shape: the model's channels, height and width.
        polarity: see `Polarity`; arrays are never inverted.

    Returns:
        float32 [N, C, H, W] in [0, 1], ink is 1.

    Raises:
        ImageNotFoundError: no file at a path.
        ImageError: not an image, damaged, too large, or an array of another shape, type or range.
        InputError: an unknown polarity.
    """
    if polarity not in get_args(Polarity):
        raise InputError(f"polarity is {polarity!r}, but must be one of {', '.join(get_args(Polarity))}")
    if isinstance(images, np.ndarray):
        return _from_array(images, shape)
    if isinstance(images, str | os.PathLike | Image.Image):
        return _from_picture(images, shape, polarity)[None]
    if isinstance(images, bytes) or not isinstance(images, Iterable):
        raise ImageError(
            f"{type(images).__name__} is no image; give a path, a PIL image, an array, or several of these"
        )
    parts = [to_batch(image, shape, polarity=polarity) for image in images]
    return np.concatenate(parts) if parts else np.zeros((0, *shape), np.float32)


def to_uint8(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as bytes, rounded half up."""
    rounded: NDArray[np.uint8] = np.clip(pixels * 255 + 0.5, 0, 255).astype(np.uint8)
    return rounded


def _from_array(array: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    batch = _arranged(array, shape)
    if batch.dtype == np.uint8:
        return batch.astype(np.float32) / np.float32(255)
    if batch.dtype == np.bool_:
        return batch.astype(np.float32)
    if not np.issubdtype(batch.dtype, np.floating):
        raise ImageError(f"image array is {array.dtype}, but must be uint8 in [0, 255] or float in [0, 1]")
    if batch.size and not (np.min(batch) >= 0 and np.max(batch) <= 1):  # also true for NaN
        raise ImageError(
            f"float image array has values from {np.min(batch):g} to {np.max(batch):g}, but must be in [0, 1]; "
            "divide by 255, or give uint8"
        )
    return batch.astype(np.float32)


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
    )


def _from_picture(
    image: str | os.PathLike[str] | Image.Image, shape: tuple[int, int, int], polarity: Polarity
) -> NDArray[np.float32]:
    channels, height, width = shape
    picture = _flat(_opened(image), "L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture, np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
    if channels == 1 and _is_dark_ink(pixels[0], polarity):
        pixels = 255 - pixels
    return pixels.astype(np.float32) / np.float32(255)


def _opened(image: str | os.PathLike[str] | Image.Image) -> Image.Image:
    """The picture, decoded and upright."""
    if isinstance(image, Image.Image):
        return _decoded(image, "the given PIL image")
    name = str(image)
    try:
        content = _read_file(Path(image))
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
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ImageError(f"{path} is larger than {MAX_BYTES} bytes")
    return content


def _decoded(picture: Image.Image, name: str) -> Image.Image:
    if picture.width * picture.height > MAX_PIXELS:
        raise ImageError(f"{name} has {picture.width}x{picture.height} pixels, more than {MAX_PIXELS} in all")
    picture.load()
    return ImageOps.exif_transpose(picture)


def _flat(picture: Image.Image, mode: str) -> Image.Image:
    """The picture as 8-bit grey or RGB, transparency laid over white."""
    if picture.mode.startswith("I"):
        picture = Image.fromarray(np.clip(np.asarray(picture).astype(np.int64) // 257, 0, 255).astype(np.uint8))
    elif picture.mode == "F":
        raise ImageError("floating-point image files have no fixed range; convert them to 8 or 16 bits first")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture.convert(mode)


def _is_dark_ink(pixels: NDArray[np.uint8], polarity: Polarity) -> bool:
    if polarity != "auto":
        return polarity == "dark-ink"
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    return bool(np.median(border) > 127)
