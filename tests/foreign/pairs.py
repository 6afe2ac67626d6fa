"""Strangers' pairs as they export them, and what their own code answers: the measure of every bundle made from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812, as strangers import it
from numpy.typing import NDArray
from torch import nn

from tests.foreign.catalogue import load
from vaeport_export import adapters, export_modules

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """One pair: how its author exports it, and what it answers in his hands."""

    name: str
    """What the tests call it."""
    labels: tuple[str, ...]
    """Class names."""
    export: Callable[[Path], object]
    """Writes the bundle."""
    samples: Callable[[], NDArray[np.uint8]]
    """Images that the export did not see: uint8 [N, C, H, W]."""
    encode: Callable[[Floats], tuple[Floats, Floats]]
    """images in [0, 1] -> z_mean and class probabilities, by the author's own modules."""
    decode: Callable[[Floats, int], Floats]
    """(z, class) -> images in [0, 1], by the author's own modules."""
    needs: tuple[str, ...] = ()
    """Packages that are not everybody's."""


@cache
def tile_networks() -> tuple[nn.Module, nn.Module]:
    """The encoder and decoder of `upsampling_vae.py`."""
    encoder, decoder = load("upsampling_vae.py").build()
    return encoder, decoder


def export_tiles(out: Path) -> None:
    """Two modules that keep the contract; samples as bytes, classes by name."""
    tiles = load("upsampling_vae.py")
    encoder, decoder = tile_networks()
    images, names = tiles.tiles(200, seed=5)
    export_modules(encoder, decoder, labels=tiles.CLASSES, images=images, image_labels=names, out=out)


def encode_tiles(images: Floats) -> tuple[Floats, Floats]:
    """By the author's encoder."""
    z_mean, _, probs = _run(tile_networks()[0], images)
    return z_mean, probs


def decode_tiles(z: Floats, kind: int) -> Floats:
    """By the author's decoder."""
    return _run(tile_networks()[1], z, np.eye(4, dtype=np.float32)[[kind] * len(z)])[0]


@cache
def sketch_networks() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Encoder, classifier and decoder of `sketch_vae.py`."""
    encoder, classifier, decoder = load("sketch_vae.py").train()
    return encoder, classifier, decoder


def encode_sketches(images: Floats) -> tuple[Floats, Floats]:
    """Pixels in [-1, 1], logits."""
    encoder, classifier, _ = sketch_networks()
    scaled = images * 2 - 1
    return _run(encoder, scaled)[0], _softmax(_run(classifier, scaled)[0])


def decode_sketches(z: Floats, kind: int) -> Floats:
    """One vector; pixels in [-1, 1]."""
    vector = np.concatenate([z, np.eye(3, dtype=np.float32)[[kind] * len(z)]], axis=1)
    return (_run(sketch_networks()[2], vector)[0] + 1) / 2


@cache
def half_networks() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Encoder, classifier and decoder of `embedding_vae.py`."""
    encoder, classifier, decoder = load("embedding_vae.py").train()
    return encoder, classifier, decoder


def encode_halves(images: Floats) -> tuple[Floats, Floats]:
    """Pixels by mean and deviation, logits."""
    encoder, classifier, _ = half_networks()
    scaled = ((images - 0.1307) / 0.3081).astype(np.float32)
    return _run(encoder, scaled)[0], _softmax(_run(classifier, scaled)[0])


def decode_halves(z: Floats, kind: int) -> Floats:
    """Class indices."""
    return _run(half_networks()[2], z, np.full(len(z), kind))[0]


@cache
def plain_network() -> Any:  # noqa: ANN401, only its author knows what it is
    """The VAE of `plain_vae.py`."""
    return load("plain_vae.py").train()


def encode_blobs(images: Floats) -> tuple[Floats, Floats]:
    """There is one class."""
    z_mean = _run(load("plain_vae.py").Encoder(plain_network()), images)[0]
    return z_mean, np.ones((len(images), 1), np.float32)


def decode_blobs(z: Floats, kind: int) -> Floats:
    """Pixels as logits."""
    assert kind == 0
    logits = _run(load("plain_vae.py").Decoder(plain_network()), z)[0]
    return 1 / (1 + np.exp(-logits))


def _run(network: nn.Module, *inputs: NDArray[Any]) -> list[Floats]:
    with torch.no_grad():
        answer = network.eval()(*(torch.from_numpy(array) for array in inputs))
    return [part.numpy() for part in ((answer,) if isinstance(answer, torch.Tensor) else answer)]


def _softmax(logits: Floats) -> Floats:
    return F.softmax(torch.from_numpy(logits), dim=1).numpy()
