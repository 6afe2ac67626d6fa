"""Pictures at the end of a run, from its held-out images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from vaeport.images.batch import to_uint8
from vaeport.images.pictures import draw_grid, save_picture

from ..data import Split
from ..data.batching import batches, unit_range
from ..networks.vae import ConditionalVAE
from .charts import save_confusion, save_latent_map

_BATCH = 1000
_PER_CLASS = 3


def save_final_pictures(folder: Path, network: ConditionalVAE, held_out: Split, labels: Sequence[str]) -> None:
    """Write `reconstructions.png`, `confusion.png` and `latents.png`; the network is in evaluation mode afterwards."""
    network.eval()
    answers, means = [], []
    with torch.no_grad():
        for image, _ in batches(held_out, _BATCH, device=network.device):
            logits = network.classify(image)
            answers.append(logits.argmax(1).cpu())
            means.append(network.encode(image, logits.softmax(1)).z_mean.cpu())
    save_confusion(folder / "confusion.png", held_out.labels, torch.cat(answers).numpy(), labels)
    save_latent_map(folder / "latents.png", torch.cat(means), held_out.labels, labels)
    _save_reconstructions(folder / "reconstructions.png", network, held_out, labels)


def _save_reconstructions(path: Path, network: ConditionalVAE, held_out: Split, labels: Sequence[str]) -> None:
    """A column a class; each image above what the decoder makes of its posterior mean."""
    by_class = [np.flatnonzero(held_out.labels == index)[:_PER_CLASS] for index in range(len(labels))]
    fewest = min(len(rows) for rows in by_class)
    if not fewest:
        return  # a class that no held-out image shows leaves a hole that no grid can have
    seen = held_out.images[np.stack([rows[:fewest] for rows in by_class])]
    image = unit_range(torch.from_numpy(seen.reshape(-1, *seen.shape[2:])).to(network.device))
    with torch.no_grad():
        probs = network.classify(image).softmax(1)
        decoded = network.decode(network.encode(image, probs).z_mean, probs).sigmoid()
    drawn = to_uint8(decoded.cpu().numpy()).reshape(seen.shape)
    pairs = np.stack([seen, drawn], axis=2).swapaxes(0, 1).swapaxes(1, 2)
    grid = pairs.reshape(-1, len(labels), *seen.shape[2:])
    save_picture(draw_grid(grid, columns=labels, rows=["seen", "drawn"] * fewest), path)
