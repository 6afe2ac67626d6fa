"""Batches gathered from images in memory; no worker process is as quick."""

from collections.abc import Iterator

import torch
from torch import Tensor

from vaeport.images.scaling import LEVELS

from ..devices import data_fits
from . import Split

_CPU = torch.device("cpu")


class Images:
    """Labelled images from which batches are gathered on a device.

    They are copied there as a whole where they fit in half of its free memory; else each batch is moved.

    Args:
        split: images and labels.
        device: where batches are wanted.
        whole: whether to copy all images; not worth it for images that are gone through once.
    """

    def __init__(self, split: Split, device: torch.device = _CPU, *, whole: bool = True) -> None:
        self.device = device
        images, labels = torch.from_numpy(split.images), torch.from_numpy(split.labels)
        if whole and device.type != "cpu" and data_fits(images.nbytes + labels.nbytes, device):
            images, labels = images.to(device), labels.to(device)
        self._images, self._labels = images, labels

    def __len__(self) -> int:
        return len(self._labels)

    def gather(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """One batch: images [N, C, H, W] as float32 in [0, 1], labels [N] as int64, both on the device."""
        rows = rows.to(self._images.device)
        images, labels = self._images[rows].to(self.device), self._labels[rows].to(self.device)
        return unit_range(images), labels

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of at most `size` images in the given order, as `gather` makes them."""
        return (self.gather(rows) for rows in torch.split(order, size))


def unit_range(pixels: Tensor) -> Tensor:
    """Pixels of 0 to 255, uint8, as float32 in [0, 1]."""
    return pixels.to(torch.float32) / LEVELS


def batches(split: Split, size: int, *, device: torch.device = _CPU) -> Iterator[tuple[Tensor, Tensor]]:
    """All images of a split once, in their order, in batches as `Images.gather` makes them."""
    return Images(split, device, whole=False).batches(torch.arange(len(split)), size)
