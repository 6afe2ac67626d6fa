"""Multiply a column by a row, flatten, and again: sizes are squared four times."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Reshape", ["z", "column"], ["c0"]), node("Reshape", ["z", "row"], ["r0"])]
    for i in range(4):
        nodes.append(node("MatMul", [f"c{i}", f"r{i}"], [f"m{i}"]))
        nodes.append(node("Reshape", [f"m{i}", "column"], [f"c{i + 1}"]))
        nodes.append(node("Reshape", [f"m{i}", "row"], [f"r{i + 1}"]))
    product = node("MatMul", ["c4", "r4"], ["bomb"])
    return bomb(folder, [*nodes, product], column=[-1, 1], row=[1, -1])


CASE = Attack(make, load, BundleError, "MatMul|elements")
