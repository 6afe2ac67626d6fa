"""Call functions that call functions: 30 lines that unfold to 10^9 nodes when the graph is loaded."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        inner = [node("Abs", ["in"], ["out"])]
        for depth in range(30):
            model.functions.append(helper.make_function("own", f"laugh{depth}", ["in"], ["out"], inner, opsets))
            first = node(f"laugh{depth}", ["in"], ["half"], domain="own")
            inner = [first, node(f"laugh{depth}", ["half"], ["out"], domain="own")]
        model.opset_import.append(opsets[1])
        model.graph.node[-1].output[0] = "honest"
        model.graph.node.append(node("laugh29", ["honest"], ["image"], domain="own"))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "function", after="the billion laughs of XML")
