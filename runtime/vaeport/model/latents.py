"""Standard normal latents by row: the same seed draws the same rows in every language, batch and shard.

Philox4x32-10 of Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), made normal by
Box and Muller (1958). docs/contract.md fixes which counter, key and word goes where.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..common.arguments import shown, whole_number
from ..common.arrays import MOST_VALUES, empty
from ..errors import InputError

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUNDS = 10
_MOST_ROW = 2**64 - 1

MOST_DIM = 2**24
"""Numbers a row may have; blocks are counted in 32 bits, and no model's latent is nearly as long."""

_BLOCKS_AT_ONCE = 2**17
"""Blocks of four numbers that are drawn together: some 30 MB, whatever the number of rows."""


def latents(seed: int, n: int, dim: int, *, start: int = 0, step: int = 1) -> NDArray[np.float32]:
    """Draw rows `start`, `start + step`, ... of a seed's endless table of standard normals.

    A row depends on the seed and its own number alone, so any cut of the table agrees with any other.

    Args:
        seed: 0 to 2**64 - 1.
        n: how many rows, 0 or more.
        dim: numbers a row (Z).
        start: number of the first row; the last is at most 2**64 - 1.
        step: how many rows on the next one is, 1 or more.

    Returns:
        float32 [n, dim].

    Raises:
        InputError: a number out of its range.
    """
    seed = whole_number(seed, "seed", least=0, most=_MOST_ROW)
    n = whole_number(n, "n", least=0)
    dim = whole_number(dim, "dim", least=0, most=MOST_DIM)
    start = whole_number(start, "start", least=0, most=_MOST_ROW + 1)
    step = whole_number(step, "step", least=1, most=_MOST_ROW)
    last = start + (n - 1) * step
    if n and last > _MOST_ROW:
        raise InputError(f"n asks for rows {start} to {shown(last)}, but rows run from 0 to 2**64 - 1; take fewer rows")
    if n * max(dim, 1) > MOST_VALUES:
        raise InputError(f"{shown(n)} rows of {dim} numbers are too many at once; draw them in parts, with start")
    z = empty((n, dim), np.float32)
    blocks = -(-dim // 4)
    at_once = max(1, _BLOCKS_AT_ONCE // max(blocks, 1))
    for first in range(0, n if dim else 0, at_once):
        rows = min(at_once, n - first)
        z[first : first + rows] = _drawn(seed, start + first * step, step, rows, blocks)[:, :dim]
    return z


def _drawn(seed: int, start: int, step: int, n: int, blocks: int) -> NDArray[np.float64]:
    """Whole blocks of n rows: float64 [n, 4 * blocks]."""
    rows = np.uint64(start) + np.uint64(step) * np.arange(n, dtype=np.uint64)
    counter = np.zeros((n, blocks, 4), np.uint64)
    counter[..., 0] = np.arange(blocks, dtype=np.uint64)
    counter[..., 2] = (rows & _LOW)[:, None]
    counter[..., 3] = (rows >> _HALF)[:, None]
    words = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32))
    return _box_muller(words).reshape(n, blocks * 4)


def philox4x32(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Ten rounds of Philox4x32.

    Args:
        counter: uint64 [..., 4], each word below 2**32.
        key: two words below 2**32.

    Returns:
        uint64 [..., 4], each word below 2**32.
    """
    c0, c1, c2, c3 = (counter[..., i] for i in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _HALF) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1)


def _box_muller(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Four normals from the four words of each block, in float64; w + 1 keeps the logarithm's argument above 0."""
    uniform = words.astype(np.float64)
    radius = np.sqrt(-2.0 * np.log((uniform[..., 0::2] + 1.0) / 2.0**32))
    angle = 2.0 * np.pi * uniform[..., 1::2] / 2.0**32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(words.shape)


_PARALLEL = 1e-6
"""Sine of the angle below which two latents have no arc between them, and the straight line is taken."""


_MOST_STRETCH = 2.0
"""How much longer than both ends a point of the arc may be. Between nearly opposite ends of different length the
formula shoots off; there the directions take the arc, and the lengths change evenly."""


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
    with np.errstate(all="ignore"):  # strange latents give strange points, which the decoder's checks refuse
        return _arc(first, second, steps)


def _arc(first: NDArray[np.float32], second: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    a, b = first.astype(np.float64), second.astype(np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    norms = lengths[0] * lengths[1]
    angle = float(np.arccos(np.clip(a @ b / norms, -1, 1))) if norms else 0.0
    if np.sin(angle) < _PARALLEL:
        points = (1 - t) * a + t * b
    else:
        weights = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
        points = weights[0] * a + weights[1] * b
        if np.linalg.norm(points, axis=1).max() > _MOST_STRETCH * max(lengths):
            directions = weights[0] * (a / lengths[0]) + weights[1] * (b / lengths[1])
            points = directions * ((1 - t) * lengths[0] + t * lengths[1])
    path = points.astype(np.float32)
    path[0], path[-1] = first, second
    return path
