"""Name a file, but do not mark the data as external: readers differ in which of the two they go by."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        outside_weight(model, "outside/secret").ClearField("data_location")

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data")
