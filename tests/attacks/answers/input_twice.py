"""Name two inputs alike."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.input.append(model.graph.input[0])

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "inputs|'z'")
