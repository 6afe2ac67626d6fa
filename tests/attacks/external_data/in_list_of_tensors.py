"""Hide the external tensor in an attribute that is a list of tensors, which no operator even has."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, external, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        hidden = model.graph.node[0].attribute.add(name="hidden", type=9)
        hidden.tensors.append(external(constant("", [0.0]), "outside/secret"))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "external data")
