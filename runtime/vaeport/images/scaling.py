"""Bytes and pixels in [0, 1]: the one place where 255 divides and multiplies."""

import numpy as np
from numpy.typing import NDArray

LEVELS = 255.0
"""The byte of a pixel of 1."""


def from_uint8(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes, uint8 [...] of any shape, as float32 in [0, 1]: divided by 255 in float32."""
    return pixels.astype(np.float32) / np.float32(LEVELS)


def to_uint8(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as bytes, rounded half up; NaN, which only a broken graph draws, is 0."""
    with np.errstate(all="ignore"):
        scaled: NDArray[np.uint8] = np.fmin(np.fmax(pixels * LEVELS + 0.5, 0), LEVELS).astype(np.uint8)
    return scaled
