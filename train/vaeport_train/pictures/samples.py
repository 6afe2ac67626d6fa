"""What a run draws: the article's grid over the epochs, and a film of the same latents."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ImageOps

from vaeport.common.fileio import write_atomic
from vaeport.images.batch import to_uint8
from vaeport.images.pictures import draw_grid, save_picture
from vaeport.model.latents import latents

from ..networks.vae import ConditionalVAE

_MOST_ROWS = 20
_FILM_ROWS = 4
_FRAME_MILLISECONDS = 150
_LAST_FRAME_MILLISECONDS = 2500


def sample_row(network: ConditionalVAE, *, seed: int, row: int) -> NDArray[np.uint8]:
    """One image of every class from one shared latent, row `row` of the seed: uint8 [K, C, H, W]."""
    shapes = network.eval().shapes
    z = torch.from_numpy(latents(seed, 1, shapes.latent_dim, start=row)).expand(shapes.classes, -1).to(network.device)
    with torch.no_grad():
        pixels = network.decode(z, torch.eye(shapes.classes, device=network.device)).sigmoid()
    return to_uint8(pixels.cpu().numpy())


def film_frame(network: ConditionalVAE, *, seed: int) -> NDArray[np.uint8]:
    """A frame of the film, uint8 [4, K, C, H, W]: every class from the same four latents in every epoch."""
    return np.stack([sample_row(network, seed=seed, row=row) for row in range(_FILM_ROWS)])


def save_samples(path: Path, rows: Sequence[NDArray[np.uint8]], labels: Sequence[str]) -> None:
    """Draw the article's picture: a row an epoch with one shared latent, a column a class.

    Of more than twenty epochs, twenty are shown, evenly spaced, the last among them.
    """
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).round().astype(int))
    grid = np.stack([rows[i] for i in shown])
    save_picture(draw_grid(grid, columns=labels, rows=[f"epoch {i + 1}" for i in shown]), path)


def save_film(path: Path, frames: Sequence[NDArray[np.uint8]], labels: Sequence[str]) -> None:
    """Write a GIF with a frame an epoch: the same latents, drawn better and better."""
    width = len(str(len(frames)))
    pages = [
        draw_grid(frame, columns=labels, rows=[f"epoch {number:0{width}}", *[""] * (len(frame) - 1)])
        for number, frame in enumerate(frames, start=1)
    ]
    size = max(page.width for page in pages), max(page.height for page in pages)
    pages = [ImageOps.pad(page, size, color="white", centering=(1, 0)).quantize(64) for page in pages]
    durations = [_FRAME_MILLISECONDS] * (len(pages) - 1) + [_LAST_FRAME_MILLISECONDS]
    first, *others = pages
    write_atomic(
        path,
        lambda file: first.save(file, "GIF", save_all=True, append_images=others, duration=durations, loop=0),
    )
