"""What the model draws."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .images import to_uint8
from .pictures import as_picture, draw_grid, save_film, save_picture
from .results import Encoding


@dataclass(frozen=True, eq=False)
class Drawings:
    """N drawn images, and what they were drawn from."""

    pixels: NDArray[np.float32]
    """float32 [N, C, H, W] in [0, 1], ink is 1."""
    z: NDArray[np.float32]
    """float32 [N, Z], the latents."""
    class_probs: NDArray[np.float32]
    """float32 [N, K], the classes they were drawn as."""

    def to_uint8(self) -> NDArray[np.uint8]:
        """The pixels as bytes, uint8 [N, C, H, W]."""
        return to_uint8(self.pixels)

    def to_pil(self) -> list[Image.Image]:
        """The images as PIL images of the model's own size."""
        return [as_picture(image) for image in self.to_uint8()]

    def save(self, path: str | os.PathLike[str], *, columns: int = 10, scale: int = 2) -> Path:
        """Write all images as one PNG grid, row by row, the last row filled up with black.

        Raises:
            OutputError: it cannot be written.
        """
        rows = max(1, -(-len(self) // columns))
        pixels = np.zeros((rows * columns, *self.pixels.shape[1:]), np.uint8)
        pixels[: len(self)] = self.to_uint8()
        return save_picture(draw_grid(pixels.reshape(rows, columns, *pixels.shape[1:]), scale=scale), path)

    def save_gif(self, path: str | os.PathLike[str], *, scale: int = 4, milliseconds: int = 80) -> Path:
        """Write the images as the frames of an endless GIF, there and back again.

        Raises:
            InputError: there is no image.
            OutputError: it cannot be written.
        """
        return save_film(self.to_uint8(), path, scale=scale, milliseconds=milliseconds)

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """N images and what the decoder makes of their posterior means."""

    originals: NDArray[np.float32]
    """float32 [N, C, H, W] in [0, 1], the images as the model saw them."""
    drawings: Drawings
    """What was drawn from `z_mean` and the classifier's `class_probs`."""
    encoding: Encoding
    """The encoder's and classifier's answer."""

    def __len__(self) -> int:
        return len(self.originals)


@dataclass(frozen=True, eq=False)
class StyleGrid:
    """R handwritings, each drawn as L classes."""

    pixels: NDArray[np.float32]
    """float32 [R, L, C, H, W] in [0, 1], ink is 1."""
    z: NDArray[np.float32]
    """float32 [R, Z], the latent of each row."""
    labels: tuple[str, ...]
    """Class of each column."""

    def to_uint8(self) -> NDArray[np.uint8]:
        """The pixels as bytes, uint8 [R, L, C, H, W]."""
        return to_uint8(self.pixels)

    def save(self, path: str | os.PathLike[str], *, rows: Sequence[str] = (), scale: int = 2) -> Path:
        """Write one PNG with the labels above the columns, and headings of one's own left of the rows.

        Raises:
            OutputError: it cannot be written.
        """
        return save_picture(draw_grid(self.to_uint8(), columns=self.labels, rows=rows, scale=scale), path)

    def __len__(self) -> int:
        return len(self.pixels)
