"""Exchange mean and log-variance, by the order of the outputs alone."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        first, second = model.graph.output[0].name, model.graph.output[1].name
        model.graph.output[0].name, model.graph.output[1].name = second, first

    return with_encoder(folder, change)


CASE = Attack(make, load, BundleError, "outputs")
