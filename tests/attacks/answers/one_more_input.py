"""Ask for one more input, of any size."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.input.append(helper.make_tensor_value_info("more", FLOAT, ["batch", 2]))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "more|inputs")
