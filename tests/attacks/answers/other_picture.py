"""Declare images of 4 x 4, and draw 4 x 7."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("pads", [0, 0, 0, 0, 0, 0, 0, 3]))
        model.graph.node.append(node("Pad", ["honest", "pads"], ["image"]))
        model.graph.output[0].type.tensor_type.shape.dim[3].dim_value = 4

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image")
