"""Make a weight of strings, whose sizes no header tells."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        weight_of(model, "decoder.bias").CopyFrom(constant("decoder.bias", np.array([b"x"] * 16, object)))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "string|STRING|type")
