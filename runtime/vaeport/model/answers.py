"""What the model says of images, and what it draws."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..common.arguments import whole_number
from ..images.batch import to_uint8
from ..images.pictures import MOST_COLUMNS, as_picture, check_page, draw_grid, save_film, save_picture


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
    rejected: bool = False
    """Whether the confidence is below what was asked for, so that the label should not be relied on."""


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
class AnomalyScores:
    """How unusual N images are."""

    reconstruction: NDArray[np.float64]
    """float64 [N], -log p(x | z_mean, class_probs), nats."""
    kl: NDArray[np.float64]
    """float64 [N], KL(Q(z | x) || N(0, I)), nats."""
    squared_error: NDArray[np.float64]
    """float64 [N], mean over pixels of the squared difference between image and reconstruction."""
    percentile: NDArray[np.float64]
    """float64 [N], percent of the held-out images whose negative ELBO is at most this image's."""

    @property
    def negative_elbo(self) -> NDArray[np.float64]:
        """float64 [N], reconstruction + KL, nats: the score; the higher the stranger."""
        return self.reconstruction + self.kl

    @classmethod
    def joined(cls, parts: Sequence[AnomalyScores]) -> AnomalyScores:
        """The scores of several batches as one."""
        nothing = np.zeros(0)
        columns = [(part.reconstruction, part.kl, part.squared_error, part.percentile) for part in parts]
        return cls(*(np.concatenate(column) for column in zip((nothing,) * 4, *columns, strict=True)))

    def __len__(self) -> int:
        return len(self.kl)


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

        Args:
            path: where it shall stand.
            columns: images a row, 1 to 10000.
            scale: screen pixels a side for each image pixel, 1 to 64.

        Raises:
            InputError: a number out of its range, or a grid too large for a picture.
            OutputError: it cannot be written.
        """
        columns = whole_number(columns, "columns", least=1, most=MOST_COLUMNS)
        rows = max(1, -(-len(self) // columns))
        check_page(rows, columns, self.pixels.shape[-2:], scale)
        pixels = np.zeros((rows * columns, *self.pixels.shape[1:]), np.uint8)
        pixels[: len(self)] = self.to_uint8()
        return save_picture(draw_grid(pixels.reshape(rows, columns, *pixels.shape[1:]), scale=scale), path)

    def save_gif(self, path: str | os.PathLike[str], *, scale: int = 4, milliseconds: int = 80) -> Path:
        """Write the images as the frames of an endless GIF, there and back again.

        Raises:
            InputError: there is no image, a number is out of its range, or the film would be too large.
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

        Args:
            path: where it shall stand.
            rows: headings, one a row at most; none by default.
            scale: screen pixels a side for each image pixel, 1 to 64.

        Raises:
            InputError: a number out of its range, headings that are none, or a grid too large for a picture.
            OutputError: it cannot be written.
        """
        return save_picture(draw_grid(self.to_uint8(), columns=self.labels, rows=rows, scale=scale), path)

    def __len__(self) -> int:
        return len(self.pixels)
