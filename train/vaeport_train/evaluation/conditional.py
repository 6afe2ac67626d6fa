"""Conditional accuracy: whether drawn images show the requested class, as read by an independent judge."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from vaeport.errors import InputError
from vaeport.model.latents import latents

from ..networks.vae import ConditionalVAE
from .estimates import wilson_interval
from .judge import Judge, JudgeRecord

_BATCH = 500


@dataclass(frozen=True)
class ConditionalAccuracy:
    """How many drawn images a judge reads as the requested class."""

    images: int
    """How many were drawn, the classes in turn, from z ~ N(0, I)."""
    seed: int
    """Seed of their latents: rows 0 to images - 1 of it, as `vaeport generate` draws them."""
    accuracy: float
    """Share that the judge reads as the requested class."""
    accuracy_95: tuple[float, float]
    """95 % interval of that share (Wilson, 1927)."""
    accuracy_by_class: tuple[float, ...]
    """The share of each class."""
    judge: JudgeRecord
    """The judge, its own accuracy with it: a share above that is beyond what it can tell."""


def conditional_accuracy(
    network: ConditionalVAE, judge: Judge, *, images: int = 10_000, seed: int = 0
) -> ConditionalAccuracy:
    """Draw images and have them judged; the network is in evaluation mode afterwards.

    Args:
        network: the networks; classifier and encoder are not used.
        judge: a classifier trained on its own.
        images: how many to draw; row r is drawn as class r modulo K.
        seed: seed of the latents (docs/contract.md).

    Raises:
        InputError: the judge takes other images or classes, or there are fewer images than classes.
    """
    shapes, record = network.eval().shapes, judge.record
    if (record.image_shape, len(record.class_names)) != (shapes.image, shapes.classes):
        raise InputError(
            f"the judge takes images {list(record.image_shape)} of {len(record.class_names)} classes, the model draws "
            f"{list(shapes.image)} of {shapes.classes}; train a judge on the model's own kind of data"
        )
    if images < shapes.classes:
        raise InputError(f"{images} images are too few to judge {shapes.classes} classes")
    requested = torch.arange(images) % shapes.classes
    judge_network = judge.network.to(network.device)
    right = []
    with torch.no_grad():
        for first in range(0, images, _BATCH):
            label = requested[first : first + _BATCH].to(network.device)
            z = torch.from_numpy(latents(seed, len(label), shapes.latent_dim, start=first)).to(network.device)
            drawn = network.decode(z, functional.one_hot(label, shapes.classes).float()).sigmoid()
            right.append((judge_network(drawn).argmax(1) == label).cpu())
    correct = torch.cat(right)
    return ConditionalAccuracy(
        images=images,
        seed=seed,
        accuracy=float(correct.double().mean()),
        accuracy_95=wilson_interval(int(correct.sum()), images),
        accuracy_by_class=tuple(float(correct[requested == k].double().mean()) for k in range(shapes.classes)),
        judge=record,
    )
