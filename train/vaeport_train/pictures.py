"""What a run looks like: the sample grid over the epochs, and the loss curves."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vaeport.fileio import write_atomic
from vaeport.images import to_uint8
from vaeport.latents import latents
from vaeport.pictures import draw_grid, save_picture

from .history import EpochRecord
from .networks import ConditionalVAE

_MOST_ROWS = 20


def sample_row(network: ConditionalVAE, *, seed: int, row: int) -> NDArray[np.uint8]:
    """One image of every class from one shared latent, row `row` of the seed: uint8 [K, C, H, W]."""
    shapes = network.eval().shapes
    z = torch.from_numpy(latents(seed, 1, shapes.latent_dim, start=row)).expand(shapes.classes, -1)
    with torch.no_grad():
        pixels = network.decode(z, torch.eye(shapes.classes)).sigmoid()
    return to_uint8(pixels.numpy())


def save_samples(path: Path, rows: Sequence[NDArray[np.uint8]], labels: Sequence[str]) -> None:
    """Draw the article's picture: a row an epoch with one shared latent, a column a class.

    Of more than twenty epochs, twenty are shown, evenly spaced, the last among them.
    """
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).round().astype(int))
    grid = np.stack([rows[i] for i in shown])
    save_picture(draw_grid(grid, columns=labels, rows=[f"epoch {i + 1}" for i in shown]), path)


def save_losses(path: Path, history: Sequence[EpochRecord]) -> None:
    """Draw both losses over the epochs, on training and held-out images."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=100)
    for axes, field, title in zip(
        figure.subplots(1, 2),
        ("vae_loss", "classification_loss"),
        ("VAE loss: reconstruction + KL (nats)", "classification loss (weighted, nats)"),
        strict=True,
    ):
        epochs = [record.epoch for record in history]
        axes.plot(epochs, [getattr(record.train, field) for record in history], label="training", marker=".")
        axes.plot(epochs, [getattr(record.held_out, field) for record in history], label="held out", marker=".")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    content = io.BytesIO()
    # No software version inside, so that the same curves are the same bytes.
    figure.savefig(content, format="png", metadata={"Software": None})
    write_atomic(path, lambda file: file.write(content.getvalue()))
