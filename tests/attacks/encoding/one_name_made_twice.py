"""Make the image twice, by an honest node and a hostile one."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node.append(node("Identity", ["pixels"], ["image"]))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image")
