"""The same of a trusted bundle, with a width that only running the graph shows."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_trusted
from tests.attacks.graphs import INT64, constant, node, with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "few"
        model.graph.node.extend(
            [
                node("ReduceMax", ["few"], ["most"], keepdims=0),
                node("Floor", ["most"], ["zero"]),
                node("Cast", ["zero"], ["whole"], to=INT64),
                node("Add", ["whole", "pads"], ["wider"]),
                node("Pad", ["few", "wider"], ["class_probs"]),
            ]
        )
        model.graph.initializer.append(constant("pads", [0, 0, 0, 3]))

    return with_encoder(folder, change)


CASE = Attack(make, answer_trusted, BundleError, "class_probs")
