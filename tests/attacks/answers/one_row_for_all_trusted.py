"""The same of a trusted bundle, whose graph nobody ran on paper: the answer itself must be looked at."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_trusted
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("axes", [0]))
        model.graph.node.append(node("ReduceMean", ["honest", "axes"], ["image"], keepdims=1))

    return with_decoder(folder, change)


CASE = Attack(make, answer_trusted, BundleError, "image", after="uninitialised memory of numpy.empty")
