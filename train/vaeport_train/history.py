"""`metrics.jsonl`: one line an epoch."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vaeport.errors import InputError
from vaeport.fileio import write_text

METRICS_FILE = "metrics.jsonl"


@dataclass(frozen=True)
class EpochLosses:
    """Means over images, in nats an image; the error is a share."""

    vae_loss: float
    """Reconstruction + KL."""
    reconstruction: float
    """-log p(x | z, y)."""
    kl: float
    """KL of the posterior from N(0, I)."""
    classification_loss: float
    """Cross-entropy times its weight."""
    classification_error: float
    """Share of images whose best class is wrong."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch."""

    epoch: int
    """From 1 up."""
    step: int
    """Optimiser steps since the beginning."""
    train: EpochLosses
    """While training, so the mean over a network in motion."""
    held_out: EpochLosses
    """After the epoch."""
    kl_by_dimension: tuple[float, ...]
    """The held-out KL's share of each latent dimension, in nats."""
    seconds: float
    """Wall time of the training steps."""
    images_per_second: float
    """Training images over that time."""


def save_history(folder: Path, history: Sequence[EpochRecord]) -> None:
    """Write `metrics.jsonl` whole."""
    write_text(folder / METRICS_FILE, "".join(json.dumps(asdict(record)) + "\n" for record in history))


def load_history(folder: Path, *, epochs: int) -> list[EpochRecord]:
    """The first `epochs` lines of `metrics.jsonl`.

    Raises:
        InputError: the file is damaged or shorter.
    """
    path = folder / METRICS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[:epochs]
        values = [json.loads(line) for line in lines]
        history = [
            EpochRecord(**{**v, "train": EpochLosses(**v["train"]), "held_out": EpochLosses(**v["held_out"])})
            for v in values
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if len(history) != epochs:
        raise InputError(f"{path} has {len(history)} lines, but the run has done {epochs} epochs")
    return history
