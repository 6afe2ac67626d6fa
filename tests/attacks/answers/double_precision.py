"""Declare and answer float64, of which a careless copy takes eight bytes for two numbers."""

from pathlib import Path

from onnx import ModelProto, TensorProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("Cast", ["honest"], ["image"], to=TensorProto.DOUBLE))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image")
