"""Say the labels twice, first the right ones, then others."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.metadata_props.add(key="vaeport.labels", value='["dog", "cat", "owl"]')

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "vaeport.labels|twice")
