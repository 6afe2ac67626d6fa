"""Declare and answer strings in place of pixels."""

from pathlib import Path

from onnx import ModelProto, TensorProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("Cast", ["honest"], ["image"], to=TensorProto.STRING))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image|Cast|string")
