"""Answer one row by a branch, in which no shape is known before it runs."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_trusted
from tests.attacks.graphs import constant, node, subgraph, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("yes", True))
        short = subgraph("short", [node("Constant", [], ["out"], value=constant("", np.ones((1, 1, 4, 4))))], "out")
        branch = node("If", ["yes"], ["drawn"], then_branch=short, else_branch=short)
        model.graph.node.extend([branch, node("Identity", ["drawn"], ["image"])])

    return with_decoder(folder, change)


CASE = Attack(make, answer_trusted, BundleError, "image")
