"""Carry a weight's data in two fields of different content: readers differ in which they take."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        weight_of(model, "decoder.bias").float_data.extend([0.0] * 16)

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "decoder.bias")
