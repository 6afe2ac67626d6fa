"""Define a function by the name of a standard operator, which then does something else."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        opset = [helper.make_opsetid("", 18)]
        model.functions.append(helper.make_function("", "Sigmoid", ["X"], ["Y"], [node("Neg", ["X"], ["Y"])], opset))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "function")
