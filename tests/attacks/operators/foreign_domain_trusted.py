"""The same in a bundle that is loaded as trusted: operators of foreign domains never run."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load_trusted
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("Gelu", ["honest"], ["image"], domain="com.microsoft"))

    return with_decoder(folder, change)


CASE = Attack(make, load_trusted, BundleError, "com.microsoft")
