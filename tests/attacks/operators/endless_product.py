"""Multiply matrices of 4096 x 4096 a hundred times: little memory, minutes of work at every call."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Expand", ["seed", "sizes"], ["m0"])]
    nodes += [node("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"]) for i in range(100)]
    start = node("ReduceMean", ["z"], ["seed"], keepdims=0)
    return bomb(folder, [start, *nodes, node("ReduceMean", ["m100"], ["bomb"], keepdims=0)], sizes=[4096, 4096])


CASE = Attack(make, load, BundleError, "work|operations|MatMul")
