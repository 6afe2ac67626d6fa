"""Make a weight of strings, whose sizes no header tells."""

from pathlib import Path

from onnx import ModelProto, TensorProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        tensor = weight_of(model, "decoder.bias")
        tensor.Clear()
        tensor.CopyFrom(helper.make_tensor("decoder.bias", TensorProto.STRING, [16], [b"x"] * 16))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "string|STRING|type")
