"""Answer no rows at all."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_trusted
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.extend([constant("none", [0]), constant("first", [0])])
        model.graph.node.append(node("Slice", ["honest", "first", "none", "first"], ["image"]))

    return with_decoder(folder, change)


CASE = Attack(make, answer_trusted, BundleError, "image")
