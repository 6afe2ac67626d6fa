"""Hide the external tensor in the sparse value of a Constant."""

from pathlib import Path

import numpy as np
from onnx import helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, constant, external, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    values = external(constant("", np.zeros(4)), "outside/secret")
    sparse = helper.make_sparse_tensor(values, constant("", np.arange(4)), [16])
    return bomb(folder, [node("Constant", [], ["bomb"], sparse_value=sparse)])


CASE = Attack(make, load, BundleError, "external data|sparse")
