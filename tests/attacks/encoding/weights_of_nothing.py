"""Claim a weight of 2^40 numbers and carry none at all."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        tensor = weight_of(model, "decoder.bias")
        tensor.ClearField("raw_data")
        tensor.dims[:] = [2**40]

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "decoder.bias")
