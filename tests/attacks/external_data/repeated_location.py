"""Show checkers an honest path and readers another: the key `location` stands twice."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        entry = outside_weight(model, "weights.bin").external_data.add()
        entry.key, entry.value = "location", "outside/secret"

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data")
