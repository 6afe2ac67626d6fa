"""Hold as much memory at once as the limits allow, in tensors that an arena rounds up.

It is not refused: what it takes must stay within the limits of an attack.
"""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_many
from tests.attacks.graphs import bomb, node


def make(folder: Path) -> Path:
    start = node("ReduceMean", ["z"], ["seed"], keepdims=0)
    nodes = [start]
    for i in range(19):  # each another, or an optimiser would make them one
        nodes += [node("Mul", ["seed", f"c{i}"], [f"s{i}"]), node("Expand", [f"s{i}", "sizes"], [f"t{i}"])]
    total = node("Sum", [f"t{i}" for i in range(19)], ["all"])
    constants = {f"c{i}": float(i) for i in range(19)}
    nodes += [total, node("ReduceMean", ["all"], ["bomb"], keepdims=0)]
    return bomb(folder, nodes, sizes=[4_500_000], **constants)


CASE = Attack(make, answer_many, None, "image .256, 1, 4, 4.")
