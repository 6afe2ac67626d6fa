"""How fast a model answers here: one image at a time, and many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..common.arguments import real_number, shown, whole_number
from ..common.arrays import check_answer_size
from ..errors import InputError
from ..model.latents import latents
from ..model.model import Model

_BLOCKS = 5

_MOST_SECONDS = 3600


@dataclass(frozen=True)
class Speed:
    """One verb in one batch size."""

    verb: str
    """`encode` or `decode`."""
    batch: int
    """Images a call."""
    milliseconds: float
    """Time of a call: the median of five blocks of calls."""
    images_per_second: float
    """The same, the other way round."""


def bench(model: Model, *, batches: Sequence[int], seconds: float) -> list[Speed]:
    """Measure `encode` and `decode`, arrays in and arrays out, after a warm-up.

    Args:
        model: what to measure.
        batches: images a call.
        seconds: wall time for each verb and batch, about; 0 to 3600.

    Raises:
        InputError: a number out of its range.
    """
    seconds = real_number(seconds, "seconds", least=0, most=_MOST_SECONDS)
    if not isinstance(batches, Sequence) or isinstance(batches, str | bytes):
        raise InputError(f"batches is {shown(batches)}, but must be a list of whole numbers")
    sizes = [whole_number(batch, "batch", least=1) for batch in batches]
    for size in sizes:
        check_answer_size(size, model.image_shape, "images")
    rng = np.random.default_rng(0)
    speeds = []
    for batch in sizes:
        images = rng.integers(0, 256, (batch, *model.image_shape), np.uint8)
        z = latents(0, batch, model.latent_dim)
        for verb, call in (
            ("encode", partial(model.encode, images)),
            ("decode", partial(model.decode, z, 0)),
        ):
            took = _time(call, seconds)
            speeds.append(Speed(verb, batch, took * 1e3, batch / took))
    return speeds


def _time(call: Callable[[], object], seconds: float) -> float:
    call()
    began = time.perf_counter()
    call()
    once = time.perf_counter() - began
    calls = max(1, round(seconds / _BLOCKS / max(once, 1e-6)))
    blocks = []
    for _ in range(_BLOCKS):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        blocks.append((time.perf_counter() - began) / calls)
    return statistics.median(blocks)
