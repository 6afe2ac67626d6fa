"""Declare the images as a sequence of tensors, which arrives as a list."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("SplitToSequence", ["honest"], ["image"]))
        kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))
        model.graph.output[0].type.CopyFrom(kind)

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image|SplitToSequence")
