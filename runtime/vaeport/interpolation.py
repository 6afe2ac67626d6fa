"""Ways through the latent space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PARALLEL = 1e-6
"""Sine of the angle below which two latents have no arc between them, and the straight line is taken."""


def spherical(first: NDArray[np.float32], second: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Points on the arc from one latent to another, both ends among them (Shoemake 1985; for latents, White 2016).

    A straight line would pass through short latents, which the prior hardly ever draws and the decoder hardly knows.

    Args:
        first: float32 [Z].
        second: float32 [Z].
        steps: how many points, at least 2.

    Returns:
        float32 [steps, Z], the first and last rows exactly as given.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    angle = float(np.arccos(np.clip(a @ b / norms, -1, 1))) if norms else 0.0
    if np.sin(angle) < _PARALLEL:
        points = (1 - t) * a + t * b
    else:
        points = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    path = points.astype(np.float32)
    path[0], path[-1] = first, second
    return path
