"""Seeds that belong to a place, an epoch or a step, so that a resumed run draws what it would have drawn."""

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
    "dropout": 6,
    "likelihood": 7,
}


def generator(seed: int, purpose: str, number: int = 0) -> torch.Generator:
    """A generator for one purpose and one epoch, step or other number of a run's seed."""
    words = np.random.SeedSequence([seed, _PURPOSES[purpose], number]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))


def data_order(seed: int, epoch: int, n: int) -> Tensor:
    """Order of the training images in an epoch, int64 [n]."""
    return torch.randperm(n, generator=generator(seed, "order", epoch))


def prior_draw(seed: int, step: int, n: int, dim: int, classes: int) -> tuple[Tensor, Tensor]:
    """Latents of the prior, float32 [n, dim], and random classes, int64 [n], for a training step."""
    source = generator(seed, "prior", step)
    return torch.randn(n, dim, generator=source), torch.randint(classes, (n,), generator=source)


def step_noise(seed: int, step: int, n: int, dim: int) -> Tensor:
    """Standard normal noise of a training step, float32 [n, dim]."""
    return torch.randn(n, dim, generator=generator(seed, "noise", step))
