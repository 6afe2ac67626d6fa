"""Give a weight a size of -1: a product of sizes becomes negative, or huge."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        weight_of(model, "decoder.bias").dims[:] = [-1]

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "-1|negative")
