"""Carry a part for training, which changes weights where it is run."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.training_info.add().algorithm.node.append(node("Identity", ["z"], ["decoder.bias"]))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "training")
