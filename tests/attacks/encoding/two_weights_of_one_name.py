"""Name two weights alike: one reader takes the first, the other the last."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.initializer.append(constant("decoder.bias", np.zeros(16)))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "decoder.bias")
