"""Mark the data as external and name no file: an empty path is the model's folder itself."""

from pathlib import Path

from onnx import ModelProto, TensorProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        tensor = weight_of(model, "decoder.bias")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data")
