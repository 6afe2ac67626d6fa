"""Compare every row of a batch with every other: harmless for one image, 256 times 256 for a chunk.

It is not refused: the batch is cut into pieces that cost little.
"""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import answer_many
from tests.attacks.graphs import bomb, node


def make(folder: Path) -> Path:
    nodes = [
        node("Tile", ["z", "times"], ["wide"]),
        node("Transpose", ["wide"], ["across"]),
        node("Unsqueeze", ["wide", "last"], ["u"]),
        node("Unsqueeze", ["across", "first"], ["v"]),
        node("Mul", ["u", "v"], ["w"]),
        node("ReduceMean", ["w"], ["bomb"], keepdims=0),
    ]
    return bomb(folder, nodes, times=[1, 10_000], last=[2], first=[0])


CASE = Attack(make, answer_many, None, "image \\[256, 1, 4, 4\\]")
