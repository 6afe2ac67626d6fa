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
    export: Callable[..., None]
    """Writes the bundle into a folder; options of `export_modules` by name."""
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


def export_tiles(out: Path, **options: Any) -> None:
    """Two modules that keep the contract; samples as bytes, classes by name."""
    tiles = load("upsampling_vae.py")
    encoder, decoder = tile_networks()
    images, names = tiles.tiles(200, seed=5)
    settings = {"labels": tiles.CLASSES, "images": images, "image_labels": names, **options}
    export_modules(encoder, decoder, out=out, **settings)


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


def export_sketches(out: Path, **options: Any) -> None:
    """Three networks: logits, one vector of latents and class, pixels in [-1, 1]; classes by index."""
    encoder, classifier, decoder = sketch_networks()
    images, classes = load("sketch_vae.py").sketches(150, seed=5)
    both = adapters.SeparateEncoder(encoder, classifier)
    settings = {"labels": load("sketch_vae.py").CLASSES, "images": images, "image_labels": classes, **options}
    export_modules(
        adapters.ScaledImages(both, mean=[0.5], std=[0.5]),
        adapters.SymmetricPixels(adapters.ConcatenatedDecoder(decoder)),
        out=out,
        **settings,
    )


def encode_sketches(images: Floats) -> tuple[Floats, Floats]:
    """Pixels in [-1, 1], logits."""
    encoder, classifier, _ = sketch_networks()
    scaled = images * 2 - 1
    return _run(encoder, scaled)[0], _softmax(_run(classifier, scaled)[0])


def decode_sketches(z: Floats, kind: int) -> Floats:
    """One vector; pixels in [-1, 1]."""
    vector = np.concatenate([z, np.eye(3, dtype=np.float32)[[kind] * len(z)]], axis=1)
    return ((_run(sketch_networks()[2], vector)[0] + 1) / 2).astype(np.float32)


@cache
def half_networks() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Encoder, classifier and decoder of `embedding_vae.py`."""
    encoder, classifier, decoder = load("embedding_vae.py").train()
    return encoder, classifier, decoder


def export_halves(out: Path, **options: Any) -> None:
    """A standard deviation beside the mean, pixels by mean and deviation, class indices; images without a channel."""
    halves = load("embedding_vae.py")
    encoder, classifier, decoder = half_networks()
    images, classes = halves.halves(150, seed=5)
    both = adapters.SeparateEncoder(encoder, classifier, second="std")
    settings = {"labels": halves.NAMES, "images": images, "image_labels": classes, **options}
    export_modules(
        adapters.ScaledImages(both, mean=halves.MEAN, std=halves.STD),
        adapters.IndexedDecoder(decoder),
        out=out,
        **settings,
    )


def encode_halves(images: Floats) -> tuple[Floats, Floats]:
    """Pixels by mean and deviation, logits."""
    encoder, classifier, _ = half_networks()
    scaled = ((images - 0.1307) / 0.3081).astype(np.float32)
    return _run(encoder, scaled)[0], _softmax(_run(classifier, scaled)[0])


def decode_halves(z: Floats, kind: int) -> Floats:
    """Class indices."""
    return _run(half_networks()[2], z, np.full(len(z), kind))[0]


@cache
def plain_network() -> Any:
    """The VAE of `plain_vae.py`."""
    return load("plain_vae.py").train()


def export_blobs(out: Path, **options: Any) -> None:
    """No classes; pixels as logits; images as floats."""
    plain = load("plain_vae.py")
    settings = {"labels": ["blob"], "images": plain.blobs(150, seed=5), **options}
    export_modules(
        adapters.Unclassified(plain.Encoder(plain_network()).eval()),
        adapters.PixelLogits(adapters.UnconditionalDecoder(plain.Decoder(plain_network()).eval())),
        out=out,
        **settings,
    )


def encode_blobs(images: Floats) -> tuple[Floats, Floats]:
    """There is one class."""
    z_mean = _run(load("plain_vae.py").Encoder(plain_network()), images)[0]
    return z_mean, np.ones((len(images), 1), np.float32)


def decode_blobs(z: Floats, kind: int) -> Floats:
    """Pixels as logits."""
    assert kind == 0
    logits = _run(load("plain_vae.py").Decoder(plain_network()), z)[0]
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


@cache
def pythae_network() -> Any:
    """The VAE of `pythae_vae.py`."""
    return load("pythae_vae.py").train()


def export_pythae(out: Path, **options: Any) -> None:
    """pythae's pair; pixels in [0, 1] already."""
    networks = load("pythae_vae.py")
    settings = {"labels": ["blob"], "images": load("plain_vae.py").blobs(150, seed=5), **options}
    export_modules(
        adapters.Unclassified(networks.Encode(pythae_network()).eval()),
        adapters.UnconditionalDecoder(networks.Decode(pythae_network()).eval()),
        out=out,
        **settings,
    )


def encode_by_pythae(images: Floats) -> tuple[Floats, Floats]:
    """pythae's own encoder."""
    with torch.no_grad():
        z_mean = pythae_network().encoder(torch.from_numpy(images)).embedding.numpy()
    return z_mean, np.ones((len(images), 1), np.float32)


def decode_by_pythae(z: Floats, kind: int) -> Floats:
    """pythae's own decoder."""
    assert kind == 0
    with torch.no_grad():
        drawn: Floats = pythae_network().decoder(torch.from_numpy(z)).reconstruction.numpy()
    return drawn


def tile_samples() -> NDArray[np.uint8]:
    """Tiles."""
    images: NDArray[np.uint8] = load("upsampling_vae.py").tiles(40, seed=6)[0]
    return images


def sketch_samples() -> NDArray[np.uint8]:
    """Sketches."""
    images: NDArray[np.uint8] = load("sketch_vae.py").sketches(40, seed=6)[0]
    return images


def half_samples() -> NDArray[np.uint8]:
    """Halves, with their channel."""
    images: NDArray[np.uint8] = load("embedding_vae.py").halves(40, seed=6)[0][:, None]
    return images


def blob_samples() -> NDArray[np.uint8]:
    """Blobs, as bytes."""
    pixels: NDArray[np.uint8] = np.rint(load("plain_vae.py").blobs(40, seed=6) * 255).astype(np.uint8)
    return pixels


TILES = ("reddish", "greenish", "bluish", "grey")
HALVES = ("left", "right", "top", "bottom", "none")

PAIRS = [
    Pair("tiles", TILES, export_tiles, tile_samples, encode_tiles, decode_tiles),
    Pair("sketches", ("bar", "box", "cross"), export_sketches, sketch_samples, encode_sketches, decode_sketches),
    Pair("halves", HALVES, export_halves, half_samples, encode_halves, decode_halves),
    Pair("blobs", ("blob",), export_blobs, blob_samples, encode_blobs, decode_blobs),
    Pair("by-pythae", ("blob",), export_pythae, blob_samples, encode_by_pythae, decode_by_pythae, ("pythae",)),
]
"""All of them."""


def pair_named(name: str) -> Pair:
    """One of them."""
    return next(pair for pair in PAIRS if pair.name == name)


def _run(network: nn.Module, *inputs: NDArray[Any]) -> list[Floats]:
    with torch.no_grad():
        answer = network.eval()(*(torch.from_numpy(array) for array in inputs))
    return [part.numpy() for part in ((answer,) if isinstance(answer, torch.Tensor) else answer)]


def _softmax(logits: Floats) -> Floats:
    return F.softmax(torch.from_numpy(logits), dim=1).numpy()
