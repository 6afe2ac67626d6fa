"""Hide the external tensor in the attribute of a Constant, where checkers of initializers do not look."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        tensor = outside_weight(model, "outside/secret")
        made = node("Constant", [], ["decoder.bias"])
        made.attribute.add(name="value", type=4).t.CopyFrom(tensor)
        model.graph.initializer.remove(tensor)
        model.graph.node.insert(0, made)

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data", after="CVE-2024-27318")
