"""Hide the external tensor in a function of the model, and call it."""

from pathlib import Path

import numpy as np
from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, external, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        made = node("Constant", [], ["out"])
        made.attribute.add(name="value", type=4).t.CopyFrom(external(constant("", np.zeros(16)), "outside/secret"))
        opset = [helper.make_opsetid("", 18)]
        model.functions.append(helper.make_function("own", "bias", [], ["out"], [made], opset))
        model.opset_import.append(helper.make_opsetid("own", 1))
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("bias", [], ["bias"], domain="own"))
        model.graph.node.append(node("Add", ["honest", "bias"], ["image"]))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data|function")
