"""Answer NaN for every class: no class is the best one, and the first label would be the answer."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import answer
from tests.attacks.graphs import constant, node, with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("nan", float("nan")))
        model.graph.node.append(node("Add", ["honest", "nan"], ["class_probs"]))

    return with_encoder(folder, change)


CASE = Attack(make, answer, BundleError, "class_probs|NaN|nan|finite")
