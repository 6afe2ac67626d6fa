"""Hold a hundred tensors of 16 MB at once: no single one is large."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    start = node("ReduceMean", ["z"], ["seed"], keepdims=0)
    nodes = [node("Expand", ["seed", "sizes"], [f"t{i}"]) for i in range(100)]
    nodes = [*nodes, *(node("Exp", [f"t{i}"], [f"e{i}"]) for i in range(100))]
    total = node("Concat", [f"e{i}" for i in range(100)], ["all"], axis=0)
    return bomb(folder, [start, *nodes, total, node("ReduceMean", ["all"], ["bomb"], keepdims=0)], sizes=[2**22])


CASE = Attack(make, load, BundleError, "elements|memory|bytes")
