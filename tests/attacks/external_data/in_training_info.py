"""Hide the external tensor in the part of a model that is for training."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, external, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        hidden = external(constant("hidden", np.zeros(4)), "outside/secret")
        model.training_info.add().initialization.initializer.append(hidden)

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data|training_info")
