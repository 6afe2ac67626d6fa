"""Put the graph of another bundle in, with the same shapes and other classes."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        for entry in model.metadata_props:
            if entry.key == "vaeport.bundle":
                entry.value = "another"

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "another")
