"""Answer six probabilities where the manifest has three labels: the best may have no name."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "few"
        model.graph.node.append(node("Concat", ["few", "few"], ["class_probs"], axis=1))
        model.graph.output[2].type.tensor_type.shape.dim[1].dim_value = 3

    return with_encoder(folder, change)


CASE = Attack(make, load, BundleError, "class_probs")
