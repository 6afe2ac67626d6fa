"""Give the input `z` a value of its own, by which what the caller draws is no longer what he gave."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.initializer.append(constant("z", np.ones((1, 2))))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "'z'|inputs")
