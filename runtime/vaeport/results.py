"""What the model's verbs answer with."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .images import to_uint8
from .pictures import as_picture, draw_grid, save_picture


@dataclass(frozen=True, eq=False)
class Encoding:
    """Posterior of N images, and the classifier's answer."""

    z_mean: NDArray[np.float32]
    """float32 [N, Z]."""
    z_logvar: NDArray[np.float32]
    """float32 [N, Z], natural logarithm of the variance."""
    class_probs: NDArray[np.float32]
    """float32 [N, K], rows sum to 1."""

    def __len__(self) -> int:
        return len(self.z_mean)


@dataclass(frozen=True)
class Prediction:
    """The class of one image."""

    label: str
    """Name of the most probable class."""
    confidence: float
    """Its probability, in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Classification:
    """The classes of N images."""

    predictions: tuple[Prediction, ...]
    """One an image."""
    class_probs: NDArray[np.float32]
    """float32 [N, K], columns in the order of the model's labels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of the most probable class of each image."""
        return tuple(prediction.label for prediction in self.predictions)

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, index: int) -> Prediction:
        return self.predictions[index]


@dataclass(frozen=True, eq=False)
class Drawings:
    """N images that the decoder drew."""

    pixels: NDArray[np.float32]
    """float32 [N, C, H, W] in [0, 1], ink is 1."""
    z: NDArray[np.float32]
    """float32 [N, Z], the latents they were drawn from."""
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
