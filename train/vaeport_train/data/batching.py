"""Batches gathered from images in memory; no worker process is as quick."""

from collections.abc import Iterator

import torch
from torch import Tensor

from . import Split


def batches(split: Split, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches in the given order, gathered from memory: images as float32 in [0, 1], labels as int64."""
    return (gather(split, rows) for rows in torch.split(order, size))


def gather(split: Split, rows: Tensor) -> tuple[Tensor, Tensor]:
    """One batch: images [N, C, H, W] as float32 in [0, 1], labels [N] as int64."""
    images, labels = torch.from_numpy(split.images), torch.from_numpy(split.labels)
    return images[rows].to(torch.float32) / 255, labels[rows]
