"""Answer one row to any batch: what a caller gets for the others is memory that somebody used before."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("axes", [0]))
        model.graph.node.append(node("ReduceMean", ["honest", "axes"], ["image"], keepdims=1))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image|rows|batch", after="uninitialised memory of numpy.empty")
