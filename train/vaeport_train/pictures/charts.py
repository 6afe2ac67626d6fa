"""What a run measured, drawn: loss curves, confusion matrix, latent map."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vaeport.common.fileio import write_atomic

from ..running.history import EpochRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 3000


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
    _save(path, figure)


def save_confusion(path: Path, truth: NDArray[np.int64], answers: NDArray[np.int64], labels: Sequence[str]) -> None:
    """Draw how often each class (rows) was answered as each (columns), int64 [N] both; right answers are left pale."""
    from matplotlib.figure import Figure

    classes = len(labels)
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (truth, answers), 1)
    side = min(12.0, 2.5 + 0.45 * classes)
    figure = Figure(figsize=(side, side), layout="constrained", dpi=100)
    axes = figure.subplots()
    wrong = counts - np.diag(np.diag(counts))
    axes.imshow(wrong, cmap="Reds", vmin=0)
    for row, column in np.argwhere(counts):
        colour = "white" if wrong[row, column] > 0.6 * wrong.max() else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=colour)
    axes.set(xlabel="answered", ylabel="true class", title=f"{int(np.trace(counts))} of {len(truth)} right")
    axes.set_xticks(range(classes), labels, rotation=0 if max(map(len, labels)) < 4 else 60)
    axes.set_yticks(range(classes), labels)
    _save(path, figure)


def save_latent_map(path: Path, z_mean: torch.Tensor, truth: NDArray[np.int64], labels: Sequence[str]) -> None:
    """Draw z_mean, float [N, Z], on its first two principal components, coloured by class.

    Where the latent holds the style alone, the colours lie mixed.
    """
    from matplotlib.figure import Figure

    some = z_mean[:_MOST_POINTS]
    centred = some - some.mean(0)
    axes_of_most_variance = torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
    flat = (centred @ axes_of_most_variance).numpy()
    figure = Figure(figsize=(6, 5.2), layout="constrained", dpi=100)
    axes = figure.subplots()
    for index, label in enumerate(labels):
        rows = truth[: len(flat)] == index
        axes.scatter(flat[rows, 0], flat[rows, -1], s=6, alpha=0.6, label=label)
    axes.set(title="posterior means, two principal components", xticks=[], yticks=[])
    axes.legend(markerscale=2, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    _save(path, figure)


def _save(path: Path, figure: "Figure") -> None:
    content = io.BytesIO()
    # No software version inside, so that the same curves are the same bytes.
    figure.savefig(content, format="png", metadata={"Software": None})
    write_atomic(path, lambda file: file.write(content.getvalue()))
