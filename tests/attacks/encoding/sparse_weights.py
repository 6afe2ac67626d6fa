"""Carry a sparse weight of 2^31 numbers in a few bytes; dense it takes 8 GB."""

from pathlib import Path

import numpy as np
from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        indices = constant("", np.zeros(1, np.int64))
        sparse = helper.make_sparse_tensor(constant("hidden", np.ones(1)), indices, [2**31])
        model.graph.sparse_initializer.append(sparse)
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("ReduceMax", ["hidden"], ["most"], keepdims=0))
        model.graph.node.append(node("Add", ["honest", "most"], ["image"]))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "sparse")
