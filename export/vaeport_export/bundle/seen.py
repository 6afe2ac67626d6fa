"""Images that a bundle's claims are measured on, and what its original answers to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, IMAGE, Z_MEAN, Shapes, Z
from vaeport.images.scaling import from_uint8
from vaeport_parity.reference.base import Reference, chunked_answers
from vaeport_parity.subjects.tensors import Arrays

from .original import Original

DIGITS = "mnist-5k"
"""The embedded digits."""

_DIGIT_SHAPE = (1, 28, 28)
_EVERY = 25  # of the embedded digits, which is 200 of all classes
_OWN = 0.5  # share of golden images among the embedded digits that makes these the bundle's own kind


@dataclass(frozen=True, eq=False)
class Seen:
    """Images with the original's answers, from image to latent mean to image."""

    images: NDArray[np.uint8]
    """uint8 [N, C, H, W]: golden images of a known class, all where none is known; then digits."""
    golden: int
    """How many of them are golden."""
    labels: NDArray[np.int64]
    """int64 [N], what the bundle says of golden ones and what the embedded digits are; -1 where that is not known."""
    known: NDArray[np.int64]
    """int64 [N], class of each image that stands among the embedded digits; -1 for others, and where `own` is not."""
    own: bool
    """Whether the digits are of the kind that the bundle was made for."""
    encoded: Arrays
    """The original's answers of the encoder with its classifier, float32 [N, ...] by output."""
    drawn: NDArray[np.float32]
    """What the original draws from each latent mean and its own class probabilities, float32 [N, C, H, W]."""

    @property
    def kinds(self) -> NDArray[np.bool_]:
        """Bool [N], whether an image is of the kind that the bundle was made for."""
        return np.arange(len(self.images)) < (len(self.images) if self.own else self.golden)

    @property
    def words(self) -> str:
        """Which images, for sentences."""
        drawn = len(self.images) - self.golden
        return f"{self.golden} golden images" + (f" and {drawn} of {DIGITS}" if drawn else "")


def seen_of(original: Original, golden: Golden, shapes: Shapes, labels: tuple[str, ...]) -> Seen:
    """Golden images and, where the bundle takes such images, some of the embedded digits, with the original's answers.

    Args:
        original: the network.
        golden: the bundle's golden inputs.
        shapes: sizes of the tensors.
        labels: names of the classes; the classes of digits are found by their names.
    """
    known = golden.labels >= 0 if (golden.labels >= 0).any() else np.ones(len(golden.labels), bool)
    images, classes = golden.images[known], golden.labels[known].astype(np.int64)
    n, found, own = len(images), np.full(len(images), -1, np.int64), False
    if shapes.image == _DIGIT_SHAPE:
        digits, of_digits = _digits()
        by_content = _by_content()
        found = np.array([by_content.get(image.tobytes(), -1) for image in images], np.int64)
        own = n > 0 and float(np.mean(found >= 0)) >= _OWN
        # The last entry is for images without a digit, -1: classes are found by their names, in whatever order.
        named = np.array([*(labels.index(str(i)) if own and str(i) in labels else -1 for i in range(10)), -1], np.int64)
        images = np.concatenate([images, digits[::_EVERY]])
        found = named[np.concatenate([found, of_digits[::_EVERY]])]
        classes = np.concatenate([classes, found[n:]])
    encoded, drawn = drawn_again({name: original.reference(name) for name in (ENCODER_CLASSIFIER, DECODER)}, images)
    return Seen(images, n, classes, found, own, encoded, drawn)


def drawn_again(references: Mapping[str, Reference], images: NDArray[np.uint8]) -> tuple[Arrays, NDArray[np.float32]]:
    """What the references of both graphs answer one after the other: image to latent mean to image."""
    encoder, decoder = references[ENCODER_CLASSIFIER], references[DECODER]
    encoded = chunked_answers(encoder, {IMAGE: from_uint8(images)}, "native")
    through: Arrays = {Z: encoded[Z_MEAN], CLASS_PROBS: encoded[CLASS_PROBS]}
    return encoded, chunked_answers(decoder, through, "native")[IMAGE]


@lru_cache(maxsize=1)
def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    from vaeport_train.data import load_dataset

    development = load_dataset(DIGITS).development
    return development.images, development.labels


@lru_cache(maxsize=1)
def _by_content() -> dict[bytes, int]:
    """The digit of every embedded image by its pixels."""
    images, labels = _digits()
    return {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
