"""Hide the external tensor in the value of a ConstantOfShape."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, constant, external, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    value = external(constant("", [0.0]), "outside/secret", length=4)
    made = node("ConstantOfShape", ["sizes"], ["bomb"])
    made.attribute.add(name="value", type=4).t.CopyFrom(value)
    return bomb(folder, [made], sizes=[16])


CASE = Attack(make, load, BundleError, "external data")
