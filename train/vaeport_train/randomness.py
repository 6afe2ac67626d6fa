"""Seeds that belong to a place, an epoch or a step, so that a resumed run draws what it would have drawn.

Everything is drawn on the CPU: the same seed gives the same numbers on every device.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

_PURPOSES = {
    "weights": 0,
    "order": 1,
    "noise": 2,
    "evaluation": 3,
    "prior": 4,
    "views": 5,
    "likelihood": 7,
    "recognition": 8,
    "network": 9,
}


def generator(seed: int, purpose: str, *numbers: int) -> torch.Generator:
    """A generator for one purpose of a run's seed, and one epoch, one step of one process, or other numbers."""
    words = np.random.SeedSequence([seed, _PURPOSES[purpose], *(numbers or (0,))]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))


@contextmanager
def global_randomness(device: torch.device) -> Iterator[None]:
    """Let code inside seed and use the global generators of the CPU and a device; the caller finds them unchanged."""
    if device.type in ("cuda", "mps"):
        with torch.random.fork_rng(devices=[device.index or 0], device_type=device.type):
            yield
        return
    with torch.random.fork_rng(devices=[]):
        yield


def draw_bits(probability: Tensor, source: torch.Generator) -> Tensor:
    """Bits, float32 0 or 1, that are 1 with the given probabilities; drawn on the CPU, returned where these are."""
    return (torch.rand(probability.shape, generator=source).to(probability.device) < probability).float()


def data_order(seed: int, epoch: int, n: int) -> Tensor:
    """Order of the training images in an epoch, int64 [n]."""
    return torch.randperm(n, generator=generator(seed, "order", epoch))


def prior_draw(seed: int, number: tuple[int, int], n: int, dim: int, classes: int) -> tuple[Tensor, Tensor]:
    """Latents of the prior, float32 [n, dim], and random classes, int64 [n], for a step of a process."""
    source = generator(seed, "prior", *number)
    return torch.randn(n, dim, generator=source), torch.randint(classes, (n,), generator=source)


def step_noise(seed: int, number: tuple[int, int], shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise of a training step of a process, float32."""
    return torch.randn(*shape, generator=generator(seed, "noise", *number))
