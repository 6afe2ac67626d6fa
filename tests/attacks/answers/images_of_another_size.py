"""Draw images of 2 x 8 where the manifest has 4 x 4: as many pixels, in another order."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        weight_of(model, "image.shape").raw_data = np.array([0, 1, 2, 8]).tobytes()
        for axis, size in ((2, 2), (3, 8)):
            model.graph.output[0].type.tensor_type.shape.dim[axis].dim_value = size

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "image")
