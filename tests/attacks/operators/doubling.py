"""Double a tensor thirty times by concatenation: each node is harmless by itself."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=0) for i in range(30)]
    return bomb(folder, [node("Identity", ["z"], ["t0"]), *nodes, node("Identity", ["t30"], ["bomb"])])


CASE = Attack(make, load, BundleError, "Concat|elements", after="the billion laughs of XML")
