"""Hide the external tensor in a function of a given ONNX file, where those who look for weights do not look."""

from pathlib import Path

import numpy as np
from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import given_model
from tests.attacks.graphs import constant, external, given, node
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        made = node("Constant", [], ["out"])
        made.attribute.add(name="value", type=4).t.CopyFrom(external(constant("", np.zeros(16)), "../outside/secret"))
        opset = [helper.make_opsetid("", 18)]
        model.functions.append(helper.make_function("own", "bias", [], ["out"], [made], opset))
        model.opset_import.append(helper.make_opsetid("own", 1))
        model.graph.node.append(node("bias", [], ["unused"], domain="own"))

    return given(folder, change)


CASE = Attack(make, given_model, InputError, "weights|function")
