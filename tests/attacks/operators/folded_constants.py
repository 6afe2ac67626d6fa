"""Expand a hundred constants to 16 MB each, one by one: an optimiser computes all of them first, and keeps them."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("ReduceMean", ["z"], ["s0"], keepdims=0)]
    for i in range(100):
        nodes.append(node("Expand", [f"c{i}", "sizes"], [f"e{i}"]))
        nodes.append(node("Mul", [f"e{i}", f"s{i}"], [f"m{i}"]))
        nodes.append(node("ReduceMean", [f"m{i}"], [f"s{i + 1}"], keepdims=0))
    constants = {f"c{i}": [float(i)] for i in range(100)}
    return bomb(folder, [*nodes, node("Identity", ["s100"], ["bomb"])], sizes=[2**22], **constants)


CASE = Attack(make, load, BundleError, "bytes|memory|constants")
