"""Hide the external tensor in the values of a sparse initializer."""

from pathlib import Path

import numpy as np
from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, external, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        values = external(constant("hidden", np.zeros(4)), "outside/secret")
        indices = constant("", np.arange(4))
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [16]))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data|sparse")
