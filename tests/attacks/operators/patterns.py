"""Match a pattern that takes exponential time in some engines."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.opset_import[0].version = 20
        model.graph.initializer.append(constant("text", np.array([b"a" * 50_000], object)))
        model.graph.node.append(node("RegexFullMatch", ["text"], ["matched"], pattern="(a+)+b"))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "RegexFullMatch|text", after="ReDoS")
