"""Claim a weight of a million numbers and carry sixteen: a trusting reader reads on behind them."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        weight_of(model, "decoder.bias").dims[:] = [1_000_000]

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "decoder.bias")
