"""Carry honest data in the file, too, so that a reader who looks for data first sees nothing wrong."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        honest = weight_of(model, "decoder.bias").raw_data
        outside_weight(model, "outside/secret").raw_data = honest

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data")
