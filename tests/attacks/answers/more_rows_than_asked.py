"""Answer one row more than was asked for."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_trusted
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("more", np.ones((1, 1, 4, 4))))
        model.graph.node.append(node("Concat", ["honest", "more"], ["image"], axis=0))

    return with_decoder(folder, change)


CASE = Attack(make, answer_trusted, BundleError, "image")
